// The N-th system call on the log's files fails, for each call, each error and N from 1 to 20: while the
// agent starts, while it runs, or while it reopens the log after another failure; once, a few times, or
// until the fault is lifted. It never aborts, its admin socket answers all the time, nothing acknowledged
// is lost, and it takes events again without a restart. One that cannot start may say so by an exit code
// that systemd retries.
import {AdminWatch, checkAll, silenceMsMax, within} from './inspect.mjs';
import {History} from './history.mjs';
import {Load} from './load.mjs';
import {Agent, pause, randomOf} from './processes.mjs';
import {Shim, errors, ops} from './shim.mjs';

const calls = Object.keys(ops).filter((name) => name !== 'sync_file_range');
const phases = ['start', 'run', 'reopen'];
const nMax = 20;
const recoverySecondsMax = 15;
const retriedCodes = [74, 75];

export const summary = 'the N-th system call fails';
export const needs = ['shim'];
export const trials = ({long}) => long ? plans.length : 40;

// All there are, in an order that does not change: a trial's seed tells which it is.
const plans = shuffled();

function shuffled() {
  const random = randomOf(1);
  const all = [];
  for (const phase of phases) {
    for (const call of calls) {
      for (const error of Object.keys(errors)) {
        for (let n = 1; n <= nMax; ++n) {
          all.push({phase, call, error, n, count: [1, 3, Infinity][Math.floor(random() * 3)], at: random()});
        }
      }
    }
  }
  return all.sort((a, b) => a.at - b.at);
}

export async function run(tally, options) {
  const {simulator, seed} = options;
  const reach = new Reach();
  for (let i = 0; i < plans.length && tally.trials < options.trials; ++i) {
    const plan = plans[(seed + i) % plans.length];
    if (!reach.may(plan)) continue;
    await tally.trial(seed + i, async (directory, report) => {
      const told = (text) => report(`${plan.call} ${plan.n} fails ${plan.count} times with ${plan.error}, ${plan.phase}: ${text}`);
      const {isHit, ...result} = await trial(directory, told, simulator, seed + i, plan);
      reach.learn(plan, isHit);
      tally.note('not_reached', isHit ? 0 : 1);
      return result;
    });
  }
  await tally.control('write-that-lies', seed, 'lost', (directory) => lyingWrite(directory, simulator, seed));
  await tally.control('abort', seed, 'reported', (directory, report) =>
    disturbed(directory, report, simulator, seed, (agent) => agent.child.kill('SIGABRT')));
  await tally.control('silent-admin', seed, 'reported', (directory, report) =>
    disturbed(directory, report, simulator, seed, async (agent) => {
      agent.child.kill('SIGSTOP');
      await pause(silenceMsMax + 500);
      agent.child.kill('SIGCONT');
    }));
}

// How many calls of a kind there are in a phase: beyond the first N that was not reached it is not worth
// a trial.
class Reach {
  #end = new Map();

  may({phase, call, n}) { return n < (this.#end.get(`${phase} ${call}`) ?? Infinity); }

  learn(plan, isHit) {
    const key = `${plan.phase} ${plan.call}`;
    if (!isHit) this.#end.set(key, Math.min(plan.n, this.#end.get(key) ?? Infinity));
  }
}

// An agent with the shim and a log in which something is already pending.
async function prepare(directory, simulator, seed, isDown = true) {
  const history = new History(seed);
  const shim = new Shim(directory, `${directory}/wal`);
  const agent = new Agent(directory, simulator, {environment: shim.environment});
  await simulator.reset();
  await simulator.down(isDown);
  if (!await agent.start()) throw new Error(`it does not start without a fault: ${agent.tail()}`);
  await acknowledges(agent, history, 30);
  return {history, shim, agent};
}

async function trial(directory, report, simulator, seed, plan) {
  const isBig = plan.phase === 'run';  // so that tables are made and logs deleted
  const {history, shim, agent} = await prepare(directory, simulator, seed, isBig || seed % 2 === 0);
  const rule = {ops: [plan.call], error: plan.error, skip: plan.n - 1, count: plan.count};
  const which = plan.phase === 'reopen' ? 1 : 0;
  if (plan.phase === 'start') {
    await agent.kill();
    shim.arm(rule);
    await startUnderFault(agent, shim, report);
  }
  const watch = new AdminWatch(agent, report);
  const load = new Load(history, agent.ingest, randomOf(seed), {
    connections: 4, window: isBig ? 16 : 4, padMax: isBig ? 20_000 : 600,
  }).start();
  await pause(30);
  if (plan.phase === 'run') shim.arm(rule);
  if (plan.phase === 'reopen') shim.arm({ops: ['fdatasync'], error: 'EIO', count: 1}, rule);
  await within({start: 0, run: 1, reopen: 0.4}[plan.phase], () => !agent.alive || shim.hits(which) > 0);
  const isHit = shim.hits(which) > 0;
  await pause(isHit ? plan.count === Infinity ? 300 : 50 : 0);
  shim.disarm();
  if (agent.alive && !await takesAgain(history)) {
    report(`no acknowledgement ${recoverySecondsMax} s after the fault was lifted: ${await reasonOf(agent)}`);
  }
  await load.stop();
  await watch.stop();
  if (!agent.alive) report(`it ended by itself: ${JSON.stringify(agent.end)} ${agent.tail()}`);
  await agent.kill();
  if (!await agent.start()) throw new Error(`it does not start afterwards: ${JSON.stringify(agent.end)} ${agent.tail()}`);
  const verdict = await checkAll(agent, simulator, history, randomOf(seed));
  await agent.kill();
  shim.close();
  return {history, verdict, isHit};
}

// It may give up, with an exit code that says "try again"; then it starts without the fault.
async function startUnderFault(agent, shim, report) {
  if (await agent.start(10)) return;
  if (agent.alive) report(`its admin socket does not answer while it starts: ${agent.tail()}`);
  else if (!retriedCodes.includes(agent.end.code)) {
    report(`its start ended with ${JSON.stringify(agent.end)}: ${agent.tail()}`);
  }
  shim.disarm();
  await agent.kill();
  if (!await agent.start()) throw new Error(`it does not start after a failed start: ${agent.tail()}`);
}

async function acknowledges(agent, history, count) {
  const before = history.acknowledged;
  const load = new Load(history, agent.ingest, randomOf(history.seed), {most: count}).start();
  if (!await within(10, () => history.acknowledged >= before + count)) throw new Error('it takes no events');
  await load.stop();
}

async function takesAgain(history) {
  const before = history.acknowledged;
  return within(recoverySecondsMax, () => history.acknowledged > before + 50);
}

async function reasonOf(agent) {
  return agent.admin('/v1/status', 1000).then((status) => JSON.stringify(status.log), (error) => error.message);
}

// Control: some writes to the log say that all is well and write nothing.
async function lyingWrite(directory, simulator, seed) {
  const {history, shim, agent} = await prepare(directory, simulator, seed);
  shim.arm({action: 'pretend', ops: ['write', 'pwrite']});
  await acknowledges(agent, history, 100);
  shim.disarm();
  await agent.kill();
  await agent.start();
  const verdict = await checkAll(agent, simulator, history, randomOf(seed));
  await agent.kill();
  return {history, verdict};
}

// Controls: what an agent without a fault does when it is disturbed must be noticed.
async function disturbed(directory, report, simulator, seed, disturb) {
  const {history, agent} = await prepare(directory, simulator, seed);
  const watch = new AdminWatch(agent, report);
  await disturb(agent);
  await pause(50);
  await watch.stop();
  if (!agent.alive) report(`it ended by itself: ${JSON.stringify(agent.end)}`);
  await agent.kill();
  return {history};
}
