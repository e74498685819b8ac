// A real full disk: an ext4 of 64 MB that events fill while the far side is down. What is refused is refused
// with a reason, the admin socket answers, nothing acknowledged is lost; when somebody else's file is
// deleted the agent takes events again without a restart. Then the same after a kill -9: it starts on the
// full disk, answers operators, delivers what it has, and takes events when space is back.
import {rmSync, statfsSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {AdminWatch, checkAll, drained, within} from './inspect.mjs';
import {History} from './history.mjs';
import {Load} from './load.mjs';
import {Volume} from './machine.mjs';
import {Agent, randomOf} from './processes.mjs';

const megabytes = 64;
const foreignBytes = 24 * 1024 * 1024;
const fillSecondsMax = 60;
const recoverySecondsMax = 35;  // the log's longest pause before it tries again is 30 s

export const summary = 'a full disk';
export const needs = ['ext4'];
export const trials = ({long}) => long ? 20 : 2;

export async function run(tally, options) {
  const {simulator, seed} = options;
  for (let i = 0; i < options.trials; ++i) {
    await tally.trial(seed + i, (directory, report) => trial(directory, report, simulator, seed + i));
  }
  await tally.control('log-deleted', seed, 'lost', (directory) => deletedLog(directory, simulator, seed));
}

async function trial(directory, report, simulator, seed) {
  const random = randomOf(seed);
  const history = new History(seed);
  const volume = await Volume.make(directory, 'ext4', megabytes);
  const foreign = path.join(volume.mount, 'foreign');
  const occupy = () => writeFileSync(foreign, Buffer.alloc(foreignBytes));
  const agent = new Agent(directory, simulator, {wal: `${volume.mount}/wal`});
  const inLife = (text) => (what) => report(`${text}: ${what}`);
  await simulator.reset();
  await simulator.down(true);
  occupy();
  if (!await agent.start()) throw new Error(`it does not start: ${agent.tail()}`);

  await fillUp(agent, history, random, inLife('filling'));
  rmSync(foreign);
  await takesAgain(agent, history, random, inLife('space is back'));
  await agent.kill();
  if (!await agent.start()) throw new Error(`it does not start when there is space: ${agent.tail()}`);
  let verdict = await checkAll(agent, simulator, history, random);
  if (!verdict.clean) return {history, verdict};

  occupyTheRest(foreign, volume);
  await fillUp(agent, history, random, inLife('filling again'));
  await agent.kill();
  occupyTheRest(foreign, volume);
  const tell = inLife('started on the full disk');
  if (!await agent.start(10)) {
    tell(`it does not answer: ${JSON.stringify(agent.end)} ${agent.tail()}`);
  } else {
    await simulator.down(false);
    const before = (await agent.status()).destinations[0]?.pending;
    const drains = await within(20, async () => (await agent.status()).destinations[0].pending < before);
    if (!drains) tell('it delivers nothing');
  }
  rmSync(foreign);
  if (!agent.alive && !await agent.start()) throw new Error(`it does not start when there is space: ${agent.tail()}`);
  await takesAgain(agent, history, random, inLife('space is back after a start on the full disk'));
  await simulator.down(false);
  await drained(agent, 120);
  verdict = await checkAll(agent, simulator, history, random);
  await agent.kill();
  await volume.detach();
  return {history, verdict};
}

// Writes to `foreign` all that is free.
function occupyTheRest(foreign, volume) {
  rmSync(foreign, {force: true});
  const {bavail, bsize} = statfsSync(volume.mount);
  try {
    writeFileSync(foreign, Buffer.alloc(Math.max(0, bavail * bsize)));
  } catch (error) {
    if (error.code !== 'ENOSPC') throw error;
  }
}

// Until nothing has been acknowledged for a while although much was asked.
async function fillUp(agent, history, random, report) {
  const watch = new AdminWatch(agent, report);
  const load = new Load(history, agent.ingest, random, {connections: 8, window: 8, padMax: 8000}).start();
  let last = -1;
  let since = Date.now();
  const isFull = await within(fillSecondsMax, async () => {
    if (!agent.alive) return true;
    if (history.acknowledged !== last) since = Date.now();
    last = history.acknowledged;
    return history.refused > 0 && Date.now() - since > 1500;
  });
  if (!isFull) report(`the disk is not full after ${history.acknowledged} events`);
  await load.stop();
  await watch.stop();
  if (!agent.alive) throw new Error(`it ended by itself: ${JSON.stringify(agent.end)} ${agent.tail()}`);
}

async function takesAgain(agent, history, random, report) {
  const before = history.acknowledged;
  const load = new Load(history, agent.ingest, random, {connections: 2, window: 2, most: 5000}).start();
  const begin = Date.now();
  if (!await within(recoverySecondsMax, () => history.acknowledged >= before + 50)) {
    report(`no events are taken after ${(Date.now() - begin) / 1000} s: ${agent.tail()}`);
  }
  await load.stop();
}

// Control: the whole log is gone after a kill.
async function deletedLog(directory, simulator, seed) {
  const history = new History(seed);
  const agent = new Agent(directory, simulator);
  await simulator.reset();
  await simulator.down(true);
  await agent.start();
  const load = new Load(history, agent.ingest, randomOf(seed), {most: 100}).start();
  await within(10, () => history.acknowledged >= 100);
  await load.stop();
  await agent.kill();
  rmSync(agent.wal, {recursive: true});
  await agent.start();
  const verdict = await checkAll(agent, simulator, history, randomOf(seed));
  await agent.kill();
  return {history, verdict};
}
