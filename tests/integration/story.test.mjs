// The whole job: the vendor's own client, unchanged, over the Unix socket; a far side that is down, then
// answers 503, then 429, then works; an agent that is killed with SIGKILL at random moments. At the end
// everything that was answered 200 has arrived, once, in order, and nothing else has.
//
// HOLDFAST_SEED repeats the moments of a run as far as they are ours to choose.
import assert from 'node:assert/strict';
import http from 'node:http';
import {test} from 'node:test';
import {APIClient, SendEmailRequest, SendPushRequest, SendSMSRequest, TrackClient} from 'customerio-node';
import {Agent, Simulator, makeDirectory, pause, removeDirectory, until} from './processes.mjs';

const seed = Number(process.env.HOLDFAST_SEED ?? Date.now() % 1_000_000);
const people = ['ann', 'bob', 'c d/é', 'dora@example.com'];
const eventsEach = 60;
const mails = 3;
const ulid = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

// mulberry32: small, and the same everywhere.
function random(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const quick = `
track_rate = 1000
backoff_base = "20ms"
backoff_cap = "200ms"
breaker_open = "50ms"
breaker_open_cap = "200ms"
connect_timeout = "2s"
answer_timeout = "2s"
`;

// What the application did: every call, whether it was answered 200, in the order of the answers.
class Application {
  constructor(socketPath) {
    const {site, key, app} = Simulator.credentials;
    const options = () => ({
      protocol: 'http:', agent: new http.Agent({keepAlive: true}), socketPath,
    });
    this.track = new TrackClient(site, key, {url: 'http://localhost/api/v1', ...options()});
    this.api = new APIClient(app, {url: 'http://localhost/v1', ...options()});
    this.calls = [];
  }

  // Makes the call until it is answered; one that fails is unknown: it may have been stored.
  async call(person, marker, make) {
    for (let attempt = 0;; ++attempt) {
      const call = {person, marker: `${marker}/${attempt}`, answered: false};
      this.calls.push(call);
      try {
        await make(call.marker);
        call.answered = true;
        return;
      } catch (error) {
        if (error.statusCode >= 400 && error.statusCode < 500) throw error;
        if (attempt > 2000) throw error;
        await pause(10);
      }
    }
  }

  async live(person, next) {
    await this.call(person, `${person}#identify`,
      (marker) => this.track.identify(person, {plan: 'pro', marker}));
    await this.call(person, `${person}#device`,
      (marker) => this.track.addDevice(person, 'token', 'ios', {marker}));
    for (let i = 0; i < eventsEach; ++i) {
      await this.call(person, `${person}#${i}`,
        (marker) => this.track.track(person, {name: 'step', data: {marker, price: 1.5}}));
      await pause(next() * 40);
    }
  }

  // Nobody repeats a message that may have been sent: one call each, whatever comes of it.
  async mail(number) {
    const call = {marker: `mail-${number}`, answered: false};
    this.mails ??= [];
    this.mails.push(call);
    const message = {
      to: 'ann@example.com',
      transactional_message_id: 'receipt',
      identifiers: {id: 'ann'},
      message_data: {marker: call.marker},
    };
    const send = [
      () => this.api.sendEmail(new SendEmailRequest(message)),
      () => this.api.sendPush(new SendPushRequest(message)),
      () => this.api.sendSMS(new SendSMSRequest(message)),
    ][number % 3];
    try {
      const answer = await send();
      assert.ok(answer.delivery_id);
      call.answered = true;
    } catch (error) {
      if (error.statusCode >= 400 && error.statusCode < 500) throw error;
    }
  }
}

const markerOf = (request) => {
  const body = JSON.parse(request.body || '{}');
  return body.marker ?? body.data?.marker ?? body.device?.attributes.marker ?? body.message_data?.marker;
};

const isEmpty = (status) => status.destinations[0].pending === 0;
const isClosed = (status) =>
  status.destinations[0].endpoints.every((endpoint) => endpoint.breaker.state === 'closed');

test(`events survive an outage and kill -9 (seed ${seed})`, {timeout: 240_000}, async (t) => {
  const next = random(seed);
  const directory = makeDirectory();
  const simulator = await Simulator.start(directory);
  const agent = new Agent(directory, simulator, quick);
  let passed = false;
  t.after(async () => {
    await agent.stop().catch(() => {});
    await simulator.stop();
    if (passed) removeDirectory(directory);
    else console.error(`seed ${seed}; what is left is in ${directory}`);
  });

  await simulator.down(true);
  await agent.start();
  const app = new Application(agent.ingest);
  let working = true;
  const lives = Promise.all(people.map((person) => app.live(person, next)));
  const killing = (async () => {
    while (working) {
      await pause(50 + next() * 350);
      await agent.kill();
      await agent.start();
    }
  })();

  // The far side recovers step by step while all that goes on.
  await app.mail(0);
  await pause(400);
  await simulator.faults([
    {match: {}, times: 12, do: {status: 503}},
    {match: {}, times: 6, do: {status: 429, retry_after: '0'}},
    {match: {}, do: {delay_ms: 8}},  // it works; slowly, so that kills find requests under way
  ]);
  await simulator.down(false);
  for (let i = 1; i < mails; ++i) {
    await pause(200 + next() * 200);
    await app.mail(i);
  }
  await lives;
  const afterOutage = agent.kills;
  await until('the far side works again and the agent was killed while it did', 120, async () => {
    const [refusing, throttling, working] = await simulator.currentFaults();
    return refusing.left === 0 && throttling.left === 0 && working.hits > 20 &&
      agent.kills >= afterOutage + 2;
  });
  working = false;
  await killing;
  await app.track.destroy('bob');

  const status = await until('the log is empty and the breakers are closed', 60, async () => {
    const now = await agent.status();
    return isEmpty(now) && isClosed(now) && now;
  });
  assert.equal(status.log.state, 'ok');

  // A message whose sending a crash interrupted is in doubt: it waits for a person's decision, who looks
  // at the far side and has it sent again if it is not there.
  const dead = await agent.dead();
  for (const entry of dead) {
    assert.match(entry.operation, /^send_/, `${entry.id} must not be dead: ${entry.reason}`);
    assert.match(entry.reason, /^ambiguous/);
    const shown = JSON.parse(await agent.cli('--json', 'show', entry.id, '--body'));
    const {marker} = JSON.parse(shown.body).message_data;
    const arrived = (await simulator.requests())
      .some((request) => request.applied && markerOf(request) === marker);
    if (!arrived) await agent.cli('replay', entry.id);
  }
  await until('replayed messages are sent', 30, async () => isEmpty(await agent.status()));

  const requests = await simulator.requests();
  const applied = requests.filter((request) => request.applied && !request.duplicate);
  const sent = new Set([...app.calls, ...app.mails].map((call) => call.marker));
  const arrivals = new Map();
  for (const request of applied) {
    if (request.operation === 'delete') continue;
    const marker = markerOf(request);
    assert.ok(sent.has(marker), `nobody sent ${marker}`);
    arrivals.set(marker, (arrivals.get(marker) ?? 0) + 1);
  }

  for (const call of app.calls.filter((one) => one.answered)) {
    assert.ok(arrivals.get(call.marker) >= 1, `${call.marker} was answered and did not arrive`);
  }
  for (const person of people) {
    const answered = app.calls.filter((one) => one.person === person && one.answered)
      .map((one) => one.marker);
    const wanted = new Set(answered);
    const arrived = [...new Set(applied.map(markerOf).filter((marker) => wanted.has(marker)))];
    assert.deepEqual(arrived, answered, `the order of ${person}`);
  }

  const identities = new Map();
  for (const request of requests.filter((one) => one.operation === 'event')) {
    const {id, timestamp} = JSON.parse(request.body);
    const marker = markerOf(request);
    assert.match(id, ulid);
    assert.ok(Number.isInteger(timestamp) && Math.abs(timestamp - Date.now() / 1000) < 600);
    const identity = `${id} ${timestamp}`;
    assert.equal(identities.get(marker) ?? identity, identity, `${marker} changed between attempts`);
    identities.set(marker, identity);
    if (request.applied) assert.ok(arrivals.get(marker) === 1, `${marker} counted more than once`);
  }

  for (const mail of app.mails) {
    const count = arrivals.get(mail.marker) ?? 0;
    assert.ok(count <= 1, `${mail.marker} was sent ${count} times`);
    if (mail.answered) assert.equal(count, 1, `${mail.marker} was answered and not sent`);
  }
  assert.equal((await simulator.deliveries()).length,
    applied.filter((request) => request.operation.startsWith('send_')).length);
  assert.equal((await simulator.stats()).overlaps, 0, 'two requests of one person at once');
  t.diagnostic(`${agent.kills} kills, ${app.calls.length} calls, ${requests.length} requests, ` +
    `${requests.filter((one) => one.duplicate).length} repeats, ${dead.length} in doubt`);
  passed = true;
});
