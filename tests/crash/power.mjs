// The power goes: a file system in a file on a loop mount is cut off under the running agent, so that only
// what was flushed is there afterwards. Some trials cut it three times in a row, also while it recovers.
//
// The agent is stopped just before, so that all its answers are from before the cut: cut_power.cpp says why.
import {checkAll, within} from './inspect.mjs';
import {History} from './history.mjs';
import {Load} from './load.mjs';
import {Volume} from './machine.mjs';
import {Agent, pause, randomOf} from './processes.mjs';
import {Shim} from './shim.mjs';

const readyMsMax = 10_000;
const megabytes = {ext4: 256, xfs: 320};

const sizes = {
  ext4: {short: 24, long: 700},
  xfs: {short: 10, long: 300},
};

// The group for one type of file system.
export function power(type) {
  const trials = ({long}) => sizes[type][long ? 'long' : 'short'];

  async function run(tally, options) {
    const {simulator, seed} = options;
    for (let i = 0; i < options.trials; ++i) {
      await tally.trial(seed + i, (directory, report) => trial(directory, report, simulator, seed + i, type, tally));
    }
    for (let i = 0; i < 3; ++i) {
      await tally.control(`no-sync-${i + 1}`, seed + i, 'lost',
        (directory) => withoutSync(directory, simulator, seed + i, type));
    }
  }

  return {summary: `power cuts on ${type}`, needs: ['shim', type], trials, run};
}

async function trial(directory, report, simulator, seed, type, tally) {
  const random = randomOf(seed);
  const history = new History(seed);
  const volume = await Volume.make(directory, type, megabytes[type]);
  const agent = new Agent(directory, simulator, {wal: `${volume.mount}/wal`, small: random() < 0.5});
  const cuts = random() < 0.25 ? 3 : 1;
  await simulator.reset();
  await simulator.down(random() < 0.7);  // mostly all has to come out of the log
  for (let i = 0; i < cuts; ++i) {
    const recovers = i > 0 && random() < 0.5;
    if (recovers) agent.launch();
    else await started(agent, report, tally);
    const load = new Load(history, agent.ingest, randomOf(seed + 1000 * i), {
      connections: 1 + Math.floor(random() * 16), window: 1 + Math.floor(random() * 16),
    }).start();
    await pause(recovers ? random() * 60 : 50 + random() * 550);
    await cut(agent, load, volume);
    tally.note('cuts', 1);
  }
  await started(agent, report, tally);
  const verdict = await checkAll(agent, simulator, history, random);
  // And it takes more.
  const before = history.acknowledged;
  const load = new Load(history, agent.ingest, random, {most: 50}).start();
  if (!await within(10, () => history.acknowledged >= before + 50)) report('it takes nothing after a cut');
  await load.stop();
  if (!await agent.stop()) report(`it does not stop cleanly: ${JSON.stringify(agent.end)}`);
  await volume.detach();
  return {history, verdict};
}

async function cut(agent, load, volume) {
  await volume.cutPower(agent.child.pid);
  await pause(20);  // what it had answered comes in
  load.cut();
  await agent.kill();
  await load.stop(0);
  await volume.detach();
  await volume.attach();
}

async function started(agent, report, tally) {
  if (!await agent.start()) {
    throw new Error(`the agent does not start: ${JSON.stringify(agent.end)} ${agent.tail()}`);
  }
  if (agent.readyMs > readyMsMax) report(`${agent.readyMs} ms until it was ready`);
  tally.note('ready_ms_max', agent.readyMs, Math.max);
}

// Control: an agent whose syncs do nothing, on a log that was made with care.
async function withoutSync(directory, simulator, seed, type) {
  const history = new History(seed);
  const volume = await Volume.make(directory, type, megabytes[type]);
  const wal = `${volume.mount}/wal`;
  const shim = new Shim(directory, wal);
  const agent = new Agent(directory, simulator, {wal, environment: shim.environment});
  await simulator.reset();
  await simulator.down(true);
  await agent.start();
  shim.arm({action: 'pretend', ops: ['fdatasync', 'fsync', 'sync_file_range']});
  const load = new Load(history, agent.ingest, randomOf(seed)).start();
  await within(10, () => history.acknowledged > 100);
  await cut(agent, load, volume);
  shim.disarm();
  await agent.start();
  const verdict = await checkAll(agent, simulator, history, randomOf(seed));
  await agent.kill();
  shim.close();
  await volume.detach();
  return {history, verdict};
}
