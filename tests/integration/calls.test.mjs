// Every call of the vendor's API that is taken, by the vendor's own client where it has it and else as its
// newer versions send it, while the far side is down: each is answered as there, and arrives once.
import assert from 'node:assert/strict';
import http from 'node:http';
import {test} from 'node:test';
import {
  APIClient, SendEmailRequest, SendInAppRequest, SendInboxMessageRequest, SendPushRequest, SendSMSRequest,
  TrackClient,
} from 'customerio-node';
import {Agent, Simulator, makeDirectory, removeDirectory, until} from './processes.mjs';

const quick = `
backoff_base = "20ms"
backoff_cap = "200ms"
breaker_open = "50ms"
breaker_open_cap = "200ms"
`;
const message = {identifiers: {id: 'ann'}, transactional_message_id: 'receipt'};
const {site, key, app} = Simulator.credentials;
const basic = 'Basic ' + Buffer.from(`${site}:${key}`).toString('base64');

// As a client that has not the call yet.
function post(socketPath, path, body, authorization) {
  const headers = {'Content-Type': 'application/json', ...(authorization && {Authorization: authorization})};
  return new Promise((resolve, reject) => {
    const request = http.request({socketPath, path, method: 'POST', headers}, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (piece) => { text += piece; });
      answer.on('end', () => resolve({status: answer.statusCode, text}));
    });
    request.on('error', reject).end(JSON.stringify(body));
  });
}

async function callAll(agent) {
  const options = () => ({protocol: 'http:', agent: new http.Agent({keepAlive: true}), socketPath: agent.ingest});
  const track = new TrackClient(site, key, {url: 'http://localhost/api/v1', ...options()});
  const api = new APIClient(app, {url: 'http://localhost/v1', ...options()});
  const raw = async (path, body, status = 200, authorization = basic) => {
    const answer = await post(agent.ingest, path, body, authorization);
    assert.deepEqual(answer, {status, text: status === 204 ? '' : '{}\n'}, path);
  };

  await track.identify('ann', {plan: 'pro'});
  await track.identify('old', {city: 'Oslo'});
  await track.trackPageView('old', '/home');
  await track.addDevice('ann', 'f:t/1', 'ios', {last_used: 1, model: 'x'});
  await track.addDevice('ann', 'gone', 'android');
  await track.deleteDevice('ann', 'gone');
  await track.mergeCustomers('id', 'ann', 'id', 'old');
  await track.track('ann', {name: 'merged'});
  await track.trackPush({delivery_id: 'd', event: 'opened', device_id: 'f:t/1', timestamp: 1});
  await raw('/push/events', {delivery_id: 'd', event: 'converted', device_id: 'f:t/1', timestamp: 2});
  await raw('/api/v1/metrics', {delivery_id: 'd', metric: 'clicked', timestamp: 3}, 200, null);
  await raw('/unsubscribe/d', {unsubscribe: true}, 200, null);
  await raw('/api/v1/segments/7/add_customers', {ids: ['bob']});
  await raw('/api/v1/segments/7/remove_customers?id_type=email', {ids: ['bob@b.c']});
  await raw('/api/v1/forms/sign%20up/submit', {data: {id: 'ann', color: 'red'}}, 204);

  for (const sent of [
    await api.sendEmail(new SendEmailRequest({to: 'ann@b.c', ...message})),
    await api.sendPush(new SendPushRequest(message)),
    await api.sendSMS(new SendSMSRequest({to: '+1', ...message})),
    await api.sendInApp(new SendInAppRequest(message)),
    await api.sendInboxMessage(new SendInboxMessageRequest(message)),
    JSON.parse((await post(agent.ingest, '/v1/send/whatsapp', message, `Bearer ${app}`)).text),
  ]) {
    assert.match(sent.delivery_id, /^[0-7][0-9A-Z]{25}$/);
    assert.ok(Number.isInteger(sent.queued_at));
  }
  const triggered = await api.triggerBroadcast(3, {headline: 'x'}, {segment: {id: 7}});
  assert.ok(Number.isInteger(triggered.id) && triggered.id > 0);
  await assert.rejects(api.triggerBroadcast(3, {}, {}), {statusCode: 422});
}

const sends = ['email', 'push', 'sms', 'in_app', 'inbox_message', 'whatsapp'];
const wanted = [
  'identify', 'identify', 'event', 'add_device', 'add_device', 'delete_device', 'merge', 'event',
  'report_push_event', 'report_push_event', 'report_metric', 'unsubscribe', 'add_to_segment',
  'remove_from_segment', 'submit_form', ...sends.map((channel) => `send_${channel}`), 'trigger_broadcast',
];

test('every call is answered as the vendor does and arrives', {timeout: 120_000}, async (t) => {
  const directory = makeDirectory();
  const simulator = await Simulator.start(directory);
  const agent = new Agent(directory, simulator, quick);
  let passed = false;
  t.after(async () => {
    await agent.stop().catch(() => {});
    await simulator.stop();
    if (passed) removeDirectory(directory);
    else console.error(`what is left is in ${directory}`);
  });
  await simulator.down(true);
  await agent.start();
  await callAll(agent);
  await simulator.down(false);
  await until('the log is empty', 60, async () => (await agent.status()).destinations[0].pending === 0);

  assert.deepEqual(await agent.dead(), []);
  const requests = await simulator.requests();
  assert.deepEqual(requests.map((request) => request.operation).sort(), [...wanted].sort());
  for (const {operation, path, refusal} of requests) assert.equal(refusal, null, `${operation} ${path}`);
  assert.equal((await simulator.stats()).overlaps, 0, 'two requests of one person at once');

  const paths = new Map(requests.map((request) => [request.operation, request.path]));
  assert.equal(paths.get('report_push_event'), '/api/v1/push/events');
  assert.equal(paths.get('unsubscribe'), '/unsubscribe/d');
  assert.equal(paths.get('trigger_broadcast'), '/v1/campaigns/3/triggers');
  assert.match(paths.get('remove_from_segment'), /\?id_type=email$/);

  // The merge came behind what the second person did, and before what the first did then.
  const ann = await simulator.person('ann');
  assert.deepEqual(ann.events.map((event) => event.name).sort(), ['/home', 'merged']);
  assert.deepEqual(ann.attributes, {id: 'ann', plan: 'pro', city: 'Oslo', color: 'red'});
  assert.deepEqual(Object.keys(ann.devices), ['f:t/1']);
  assert.equal((await simulator.deliveries()).length, sends.length);
  passed = true;
});
