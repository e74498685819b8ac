// kill -9 of the whole agent at random moments under load, again and again, while the far side is down,
// slow, flapping or up. A trial is a kill; the log is looked through after each few of them.
import {cpSync, rmSync} from 'node:fs';
import {History} from './history.mjs';
import {Load} from './load.mjs';
import {Agent, pause, randomOf} from './processes.mjs';
import {checkAll, drained, within} from './inspect.mjs';

const livesPerRound = 5;
const readyMsMax = 10_000;
// What a kill may repeat: the requests under way, and what was settled in the last moments.
const repeatsPerKill = 64;

export const summary = 'kill -9 under load';
export const needs = [];

const rounds = ({long}) => long ? 240 : 12;
export const trials = (options) => rounds(options) * (livesPerRound + 1);

export async function run(tally, options) {
  const {simulator, seed} = options;
  for (let i = 0; i < rounds(options); ++i) {
    await tally.trial(seed + i, (directory, report) => round(directory, report, simulator, seed + i, tally));
  }
  await tally.control('older-copy', seed, 'lost', (directory) => olderCopy(directory, simulator, seed));
  await tally.control('stranger', seed, 'unexpected', (directory) => foreign(directory, simulator, seed, false));
  await tally.control('twice', seed, 'duplicated', (directory) => foreign(directory, simulator, seed, true));
}

async function round(directory, report, simulator, seed, tally) {
  const random = randomOf(seed);
  const history = new History(seed);
  const agent = new Agent(directory, simulator);
  const farSide = new FarSide(simulator, randomOf(seed + 1_000_000));
  const isDrained = random() < 0.5;
  await simulator.reset();
  await farSide.start();
  await started(agent, report, tally);
  const load = new Load(history, agent.ingest, randomOf(seed + 2_000_000), {
    connections: 2 + Math.floor(random() * 8), window: 1 + Math.floor(random() * 16),
    most: isDrained ? 2000 : Infinity,
  }).start();
  let kills = 0;
  for (let life = 0; life < livesPerRound; ++life) {
    await pause(20 + random() * 230);
    await agent.kill();
    ++kills;
    if (random() < 0.25) {  // also while it recovers
      agent.launch();
      await pause(random() * 40);
      await agent.kill();
      ++kills;
    }
    await started(agent, report, tally);
  }
  await load.stop();
  await agent.kill();
  ++kills;
  await started(agent, report, tally);
  let verdict = await checkAll(agent, simulator, history, random);
  await farSide.stop();
  if (isDrained && verdict.clean) {
    await drained(agent, 60);
    verdict = await checkAll(agent, simulator, history, random);
    const dead = (await agent.status()).destinations[0].failed;
    if (dead > 0) report(`${dead} dead letters`);
  }
  if (verdict.repeated > repeatsPerKill * kills) report(`${verdict.repeated} repeats after ${kills} kills`);
  await agent.stop();
  return {history, verdict, trials: kills};
}

async function started(agent, report, tally) {
  if (!await agent.start()) {
    throw new Error(`the agent does not start: ${JSON.stringify(agent.end)} ${agent.tail()}`);
  }
  if (agent.readyMs > readyMsMax) report(`${agent.readyMs} ms until it was ready`);
  tally.note('ready_ms_max', agent.readyMs, Math.max);
}

// The vendor's side of a round.
class FarSide {
  constructor(simulator, random) {
    Object.assign(this, {simulator, random, running: true});
    this.mode = ['down', 'slow', 'flapping', 'up'][Math.floor(random() * 4)];
  }

  async start() {
    const rules = {
      slow: [{match: {}, do: {delay_ms: 40}}],
      flapping: [
        {match: {}, probability: 0.1, do: {status: 503}},
        {match: {}, probability: 0.05, do: {reset: 'after'}},
        {match: {}, probability: 0.05, do: {close: 'before'}},
      ],
    };
    await this.simulator.faults(rules[this.mode] ?? []);
    await this.simulator.down(this.mode === 'down');
    this.loop = this.mode === 'flapping' ? this.#flap() : null;
  }

  async #flap() {
    for (let down = true; this.running; down = !down) {
      await pause(50 + this.random() * 250);
      await this.simulator.down(down && this.running);
    }
  }

  async stop() {
    this.running = false;
    await this.loop;
    await this.simulator.faults([]);
    await this.simulator.down(false);
  }
}

// Control: a log that is brought back as it was before the last acknowledgements.
async function olderCopy(directory, simulator, seed) {
  const history = new History(seed);
  const agent = new Agent(directory, simulator);
  await simulator.reset();
  await simulator.down(true);
  const live = async (most) => {
    await agent.start();
    const before = history.acknowledged;
    const load = new Load(history, agent.ingest, randomOf(seed), {most}).start();
    await within(10, () => history.acknowledged >= before + most);
    await load.stop();
  };
  await live(200);
  await agent.stop();
  cpSync(agent.wal, `${agent.wal}.copy`, {recursive: true});
  await live(20);
  await agent.kill();
  rmSync(agent.wal, {recursive: true});
  cpSync(`${agent.wal}.copy`, agent.wal, {recursive: true});
  await agent.start();
  const verdict = await checkAll(agent, simulator, history, randomOf(seed));
  await agent.kill();
  return {history, verdict};
}

// Control: something reaches the far side past the agent, either what nobody sent or an event again, as
// from an agent that gave it a second id.
async function foreign(directory, simulator, seed, again) {
  const history = new History(seed);
  const agent = new Agent(directory, simulator);
  await simulator.reset();
  await simulator.down(false);
  await agent.start();
  const load = new Load(history, agent.ingest, randomOf(seed), {most: 20}).start();
  await within(10, () => history.acknowledged === 20);
  await load.stop();
  await drained(agent, 10);
  const bodies = (await simulator.requests()).map((request) => JSON.parse(request.body));
  const body = again ? {...bodies[0], id: '01ARZ3NDEKTSV4RRFFQ69G5FAV'} : {name: 'n1', data: {number: 1, pad: 'y'}};
  await simulator.send('p1', body);
  const verdict = await checkAll(agent, simulator, history, randomOf(seed));
  await agent.kill();
  return {history, verdict};
}
