// Controls that several groups share: what the checker must find, without any fault of the agent's.
import {cpSync, rmSync} from 'node:fs';
import {checkAll, drained, within} from './inspect.mjs';
import {History} from './history.mjs';
import {Load} from './load.mjs';
import {Agent, randomOf} from './processes.mjs';

// Control: a log that is brought back as it was before the last acknowledgements.
export async function olderCopy(directory, simulator, seed) {
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
export async function foreign(directory, simulator, seed, again) {
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
