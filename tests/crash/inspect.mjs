// Looking at an agent that runs: what every group asks after a fault.
import {pause} from './processes.mjs';

export const silenceMsMax = 2000;  // of the admin socket
const bodiesMax = 40;

// Waits for `condition`; false when it did not come about in `seconds`.
export async function within(seconds, condition) {
  const deadline = Date.now() + seconds * 1000;
  while (!await condition()) {
    if (Date.now() > deadline) return false;
    await pause(10);
  }
  return true;
}

// Everything in the log and everything that arrived, against what the apps did, with a few of the bodies.
// `isReportedGone` as in History.check.
export async function checkAll(agent, simulator, history, random, isReportedGone) {
  const entries = await agent.entries();
  const verdict = history.check(entries, await simulator.requests(), isReportedGone);
  for (let i = 0; i < bodiesMax && entries.length > 0; ++i) {
    const {seq, cause} = entries[Math.floor(random() * entries.length)];
    if (cause === 'damaged') continue;
    const {body} = await agent.admin(`/v1/entries/${seq}?body=1`);
    const fault = history.contentFault(body);
    if (fault) verdict.unexpected.push(`seq ${seq} in the log: ${fault}`);
  }
  return verdict;
}

// Throws when entries are left after `seconds`.
export async function drained(agent, seconds) {
  let pending = 0;
  const isEmpty = await within(seconds, async () => {
    pending = (await agent.status()).destinations[0].pending;
    return pending === 0;
  });
  if (!isEmpty) throw new Error(`${pending} entries are not delivered after ${seconds} s: ${agent.tail()}`);
}

// Asks the admin socket all the time and reports the first silence.
export class AdminWatch {
  constructor(agent, report) {
    Object.assign(this, {agent, report, running: true, silent: false});
    this.loop = this.#run();
  }

  async #run() {
    while (this.running && this.agent.alive && !this.silent) {
      await this.agent.admin('/v1/status', silenceMsMax).catch((error) => {
        if (!this.agent.alive) return;
        this.silent = true;
        this.report(`the admin socket: ${error.message}`);
      });
      await pause(20);
    }
  }

  async stop() {
    this.running = false;
    await this.loop;
  }
}
