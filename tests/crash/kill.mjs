// kill -9 of the whole agent at random moments under load, again and again, while the far side is down,
// slow, flapping or up. A trial is a kill; the log is looked through after each few of them.
import {foreign, olderCopy} from './controls.mjs';
import {History} from './history.mjs';
import {checkAll, drained} from './inspect.mjs';
import {Load} from './load.mjs';
import {Agent, pause, randomOf} from './processes.mjs';

const livesPerRound = 5;
const readyMsMax = 10_000;
// What a kill may repeat: the requests under way, and what was settled in the last moments.
const repeatsPerKill = 64;

export const summary = 'kill -9 under load';
export const needs = [];

export const trials = ({long}) => long ? 240 : 12;  // rounds

export async function run(tally, options) {
  const {simulator, seed} = options;
  for (let i = 0; i < options.trials; ++i) {
    await tally.trial(seed + i, (directory, report) => round(directory, report, simulator, seed + i, tally));
  }
  await tally.control('older-copy', seed, 'lost', (directory) => olderCopy(directory, simulator, seed));
  await tally.control('stranger', seed, 'unexpected', (directory) => foreign(directory, simulator, seed, false));
  await tally.control('twice', seed, 'duplicated', (directory) => foreign(directory, simulator, seed, true));
}

async function round(directory, report, simulator, seed, tally) {
  const farSide = new FarSide(simulator, randomOf(seed + 1_000_000));
  await simulator.reset();
  await farSide.start();
  try {
    return await liveAndDie(directory, report, farSide, seed, tally);
  } finally {
    await farSide.stop();
  }
}

async function liveAndDie(directory, report, farSide, seed, tally) {
  const {simulator} = farSide;
  const random = randomOf(seed);
  const history = new History(seed);
  const agent = new Agent(directory, simulator, {small: random() < 0.5});
  const isDrained = random() < 0.5;
  let kills = 0;
  const kill = async () => {
    await agent.kill();
    ++kills;
  };
  await started(agent, report, tally);
  const load = new Load(history, agent.ingest, randomOf(seed + 2_000_000), {
    connections: 2 + Math.floor(random() * 8), window: 1 + Math.floor(random() * 16),
    most: isDrained ? 2000 : Infinity,
  }).start();
  for (let life = 0; life < livesPerRound; ++life) {
    await pause(20 + random() * 230);
    await kill();
    if (random() < 0.25) {  // also while it recovers
      agent.launch();
      await pause(random() * 40);
      await kill();
    }
    await started(agent, report, tally);
  }
  await load.stop();
  await kill();
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
