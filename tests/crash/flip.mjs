// One bit flips in one file of the log while the agent is down after a kill -9. After the restart each
// acknowledged entry is delivered as it was sent, or is reported as gone: by its seq in the status
// (log.lost_ranges) or as a dead letter with the cause "damaged". And the agent goes on with the rest.
//
// The log has been at rest for a moment: what was written in the last second before a crash cannot be told
// from a torn write by anybody.
import {cpSync, readdirSync, readFileSync, statSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {foreign, olderCopy} from './controls.mjs';
import {History} from './history.mjs';
import {checkAll, within} from './inspect.mjs';
import {Load} from './load.mjs';
import {Agent, pause, randomOf} from './processes.mjs';

const trialsPerBase = 10;
const restMs = 1500;
const kinds = [
  ['wal', /\.log$/], ['table', /\.sst$/], ['manifest', /MANIFEST-/], ['current', /CURRENT$/], ['other', /./],
];

export const summary = 'bit flips in every kind of file';
export const needs = [];
export const trials = ({long}) => long ? 500 : 30;

export async function run(tally, options) {
  const {simulator, seed} = options;
  let base;
  for (let i = 0; i < options.trials; ++i) {
    if (i % trialsPerBase === 0) {
      base = await makeBase(tally, simulator, seed + i, i / trialsPerBase % 2 === 1);
      tally.note('logs_over_others', base.isOverAnother ? 1 : 0);
    }
    await tally.trial(seed + i, (directory, report) => trial(directory, report, simulator, seed + i, base, i, tally));
  }
  await tally.control('older-copy', seed, 'lost', (directory) => olderCopy(directory, simulator, seed));
  await tally.control('other-body', seed, 'unexpected', (directory) => foreign(directory, simulator, seed, false));
}

// A killed agent's log with tables, and the history that belongs to it. `long`: the last life writes so much
// that its log lies over the remains of an earlier one.
async function makeBase(tally, simulator, seed, long) {
  const directory = tally.directory(`base-${seed}`);
  const history = new History(seed);
  const agent = new Agent(directory, simulator, {small: long});
  await simulator.reset();
  await simulator.down(true);
  for (let life = 1; life <= 4; ++life) {  // each start makes a table of what it recovers
    await agent.start();
    const size = long && life === 4 ? {most: 1200, padMax: 28_000} : {most: 80, padMax: 1500};
    const wanted = history.acknowledged + size.most;
    const load = new Load(history, agent.ingest, randomOf(seed + life), {connections: 2, window: 4, ...size}).start();
    if (!await within(20, () => history.acknowledged >= wanted)) throw new Error('it takes no events');
    await load.stop();
    if (life === 4) await pause(restMs);
    await agent.kill();
  }
  return {history, wal: agent.wal, isOverAnother: isOverAnother(agent.wal)};
}

// The log holds sectors of another (wal/log_sectors.hpp).
function isOverAnother(wal) {
  const name = readdirSync(path.join(wal, 'db')).find((file) => file.endsWith('.log'));
  const bytes = readFileSync(path.join(wal, 'db', name));
  for (let at = 0; at + 512 <= bytes.length; at += 512) {
    const log = bytes.readUInt32LE(at + 8);
    if (bytes.readUInt16LE(at + 14) === 1 && log !== parseInt(name, 10)) return true;
  }
  return false;
}

async function trial(directory, report, simulator, seed, base, i, tally) {
  const random = randomOf(seed);
  const {history} = base;
  const agent = new Agent(directory, simulator);
  await simulator.reset();
  await simulator.down(false);
  cpSync(base.wal, agent.wal, {recursive: true});
  const {kind, where} = flip(agent.wal, kinds[seed % kinds.length][0], random);
  const say = (text) => report(`${where}: ${text}`);
  let verdict;
  if (!await agent.start()) {
    say(`it does not go on: ${JSON.stringify(agent.end)} ${agent.tail(1)}`);
    tally.note('not_started', 1);
  } else {
    verdict = await weigh(agent, simulator, history, random, say);
    if (verdict.lost.length > 0) say(`${verdict.lost.length} are gone in silence`);
    tally.note('reported', verdict.reported);
    tally.note(`harmless_${kind}`, verdict.clean && verdict.reported === 0 ? 1 : 0);
  }
  await agent.kill();
  return {history: i % trialsPerBase === 0 ? history : undefined, verdict};
}

async function weigh(agent, simulator, history, random, say) {
  const isDelivered = await within(20, async () => (await agent.status()).destinations[0].pending === 0);
  if (!isDelivered) say(`not all is delivered after 20 s: ${agent.tail(1)}`);
  const {log} = await agent.status();
  const damaged = new Set((await agent.entries()).filter((entry) => entry.cause === 'damaged')
    .map((entry) => entry.seq));
  const isGone = (seq) => damaged.has(seq) ||
    log.lost_ranges.some(({first, last}) => seq >= first && seq <= last);
  return checkAll(agent, simulator, history, random, isGone);
}

// Flips a bit of a file of this kind; where there is none, of any file.
function flip(wal, wanted, random) {
  const kindOf = (file) => kinds.find(([, pattern]) => pattern.test(file))[0];
  const files = readdirSync(wal, {recursive: true}).map((name) => path.join(wal, name))
    .filter((file) => statSync(file).isFile() && statSync(file).size > 0);
  const fitting = files.filter((file) => kindOf(file) === wanted);
  const candidates = fitting.length > 0 ? fitting : files;
  const file = candidates[Math.floor(random() * candidates.length)];
  const bytes = readFileSync(file);
  const bit = Math.floor(random() * bytes.length * 8);
  bytes[bit >> 3] ^= 1 << (bit & 7);
  writeFileSync(file, bytes);
  return {kind: kindOf(file), where: `bit ${bit} of ${bytes.length} bytes of ${path.relative(wal, file)}`};
}
