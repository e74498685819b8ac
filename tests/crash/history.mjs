// What the apps did, and whether it agrees with what is found afterwards. Every event carries a number of
// its own, in its name and in its body, and a hash over number and padding; no event is ever sent twice.
import {createHash} from 'node:crypto';

const sumOf = (seed, number, pad) =>
  createHash('sha1').update(`${seed}/${number}/${pad}`).digest('hex').slice(0, 16);

const numberIn = (name) => /^n[1-9]\d*$/.test(name ?? '') ? Number(name.slice(1)) : null;

// What one trial found wrong, and `repeated`: requests for what had been answered before; the vendor drops
// them by their id.
export class Verdict {
  lost = [];
  duplicated = [];
  unexpected = [];
  repeated = 0;
  reported = 0;  // acknowledged, gone, and the agent says so

  get clean() { return this.lost.length + this.duplicated.length + this.unexpected.length === 0; }
}

export class History {
  #calls = new Map();
  #last = 0;

  constructor(seed) {
    this.seed = seed;
    this.acknowledged = 0;
    this.refused = 0;
    this.unknown = 0;
    this.untyped = [];  // answers that are neither a yes nor a refusal as it should be
  }

  get invoked() { return this.#last; }
  get calls() { return this.#calls; }

  invoke(person, pad) {
    const number = ++this.#last;
    const body = JSON.stringify({
      name: `n${number}`, data: {number, pad, sum: sumOf(this.seed, number, pad)},
    });
    this.#calls.set(number, {person, state: 'unknown'});
    ++this.unknown;
    return {number, body};
  }

  #settle(number, state) {
    const call = this.#calls.get(number);
    call.state = state;
    --this.unknown;
    ++this[state];
    return call;
  }

  acknowledge(number, id, seq) {
    Object.assign(this.#settle(number, 'acknowledged'), {id, seq: Number(seq)});
  }

  // `answer` as in Load. One that leaves the event in doubt stays unknown.
  refuse(number, answer) {
    const why = refusalFault(answer);
    if (why) this.untyped.push(`${why}: ${answer.status} ${answer.body.slice(0, 200)}`);
    else if (answer.code !== 'unknown') this.#settle(number, 'refused');
  }

  // The body as it came to the far side, or as the log has it. Null when it is what was sent.
  contentFault(body) {
    let event;
    try {
      event = JSON.parse(body);
    } catch {
      return 'a body that is not JSON';
    }
    const {number, pad, sum} = event.data ?? {};
    if (numberIn(event.name) !== number || !this.#calls.has(number)) {
      return `nobody sent ${event.name}`;
    }
    return sum === sumOf(this.seed, number, pad) ? null : `${event.name} came with other content`;
  }

  // `entries`: the whole list of the admin socket. `requests`: the whole log of the simulator, with bodies.
  // `isReportedGone` says of a seq whether the agent reports it as lost or damaged.
  check(entries, requests, isReportedGone = () => false) {
    const verdict = new Verdict();
    const there = this.#checkEntries(entries, verdict);
    const delivered = this.#checkRequests(requests, verdict);
    for (const [number, call] of this.#calls) {
      const entry = there.get(number);
      if (call.state === 'refused' && (entry || delivered.has(number))) {
        verdict.unexpected.push(`n${number} was refused for good and is there all the same`);
      }
      if (entry?.state === 'complete' && !delivered.has(number)) {
        verdict.lost.push(`n${number} is complete and never arrived`);
      } else if (call.state === 'acknowledged' && !entry && !delivered.has(number)) {
        if (isReportedGone(call.seq)) ++verdict.reported;
        else verdict.lost.push(`n${number} (seq ${call.seq}, ${call.id}) was acknowledged and is gone`);
      } else if (entry && isReportedGone(entry.seq)) {
        verdict.unexpected.push(`n${number} (seq ${entry.seq}) is reported as gone and is there`);
      }
    }
    this.#checkOrder(delivered, verdict);
    return verdict;
  }

  // By number. An entry that the log calls damaged is not there.
  #checkEntries(entries, verdict) {
    const there = new Map();
    for (const entry of entries) {
      const number = numberIn(entry.name);
      const call = this.#calls.get(number);
      if (entry.cause === 'damaged') continue;
      if (!call) verdict.unexpected.push(`seq ${entry.seq}: nobody sent ${entry.name}`);
      else if (there.has(number)) verdict.duplicated.push(`n${number} is in the log twice`);
      else if (call.id && (call.id !== entry.id || call.seq !== entry.seq)) {
        verdict.unexpected.push(
          `n${number} was answered as ${call.seq} ${call.id} and is ${entry.seq} ${entry.id}`);
      } else if (entry.state === 'failed' && entry.cause !== 'too_old') {
        verdict.unexpected.push(`n${number} failed: ${entry.cause} ${entry.reason}`);
      }
      there.set(number, entry);
    }
    return there;
  }

  // What took effect, by number, in the order of arrival.
  #checkRequests(requests, verdict) {
    const delivered = new Set();
    const answered = new Set();
    for (const request of requests) {
      if (request.operation !== 'event') continue;
      const fault = this.contentFault(request.body);
      if (fault) {
        verdict.unexpected.push(`request ${request.n}: ${fault}`);
        continue;
      }
      const {number} = JSON.parse(request.body).data;
      if (answered.has(number)) ++verdict.repeated;
      if (request.answered === 200) answered.add(number);
      if (!request.applied) continue;
      if (delivered.has(number)) verdict.duplicated.push(`n${number} took effect twice`);
      delivered.add(number);
    }
    return delivered;
  }

  #checkOrder(delivered, verdict) {
    const last = new Map();
    for (const number of delivered) {
      const {person, seq} = this.#calls.get(number);
      if (seq === undefined) continue;
      if (seq < (last.get(person) ?? 0)) {
        verdict.unexpected.push(`n${number} of ${person} overtook one that was accepted before it`);
      }
      last.set(person, Math.max(seq, last.get(person) ?? 0));
    }
  }
}

// Why this answer is not a refusal as it is promised: 4xx for what is in the event, 503 or 507 with a
// reason in JSON and at most a second to wait otherwise.
function refusalFault({status, code, retryAfter}) {
  if (status >= 400 && status < 500) return null;
  if (status !== 503 && status !== 507) return 'an unexpected status';
  if (!code) return 'a refusal without a reason';
  if (retryAfter === undefined || !(Number(retryAfter) <= 1)) return 'a refusal with another Retry-After';
  return null;
}
