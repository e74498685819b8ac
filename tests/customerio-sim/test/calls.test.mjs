import assert from 'node:assert/strict';
import test from 'node:test';
import { APP, Sim, eventually } from './sim.mjs';

const merge = (primary, secondary) => ['POST', '/api/v1/merge_customers', { primary, secondary }];
const token = (id, platform = 'ios') => ({ device: { id, platform } });

test('keeps the devices of a person', async (t) => {
    const sim = await Sim.start(t);
    const path = '/api/v1/customers/5/devices';
    assert.equal((await sim.call('PUT', path, token('a'))).text, '{}\n');
    await sim.call('PUT', path, { device: { id: 'b/c', platform: 'android', last_used: '1', attributes: null } });
    assert.deepEqual(Object.keys((await sim.get('/people/5')).devices), ['a', 'b/c']);
    await sim.call('DELETE', `${path}/b%2Fc`);
    await sim.call('DELETE', `${path}/a`, {}); // Python
    assert.deepEqual((await sim.get('/people/5')).devices, {});
});

test('merges one person into another', async (t) => {
    const sim = await Sim.start(t);
    await sim.identify('1', { plan: 'pro' });
    await sim.identify('2', { plan: 'free', city: 'Oslo' });
    assert.equal((await sim.call(...merge({ id: '1' }, { id: 2 }))).status, 200);
    assert.deepEqual((await sim.get('/people/1')).attributes, { id: '1', plan: 'pro', city: 'Oslo' });
    assert.equal((await sim.get('/people/2')).deleted, true);
    await sim.call(...merge({ id: '1' }, { email: 'nobody@b.c' }));
    assert.equal((await sim.last()).applied, false);
});

test('sees who is called on while being merged, on either side', async (t) => {
    const sim = await Sim.start(t);
    await sim.faults({ match: { operation: 'merge' }, do: { hang: true } });
    sim.call(...merge({ id: '1' }, { email: 'A@b.c' })).catch(() => {}); // ends with the simulator
    await eventually(() => sim.last(), (request) => request?.operation === 'merge');
    for (const id of ['1', 'a%40b.c', '3']) await sim.track(id, { name: 'late' });
    assert.equal((await sim.get('/stats')).overlaps, 2);
});

test('keeps who is in a segment, by any kind of identifier', async (t) => {
    const sim = await Sim.start(t);
    await sim.identify('5', { email: 'a@b.c' });
    const change = (what, ids, query = '') =>
        sim.call('POST', `/api/v1/segments/7/${what}_customers${query}`, { ids });
    const segments = async () => (await sim.get('/people/5')).segments;
    assert.equal((await change('add', ['5', 'nobody'])).status, 200);
    assert.deepEqual(await segments(), ['7']);
    await change('remove', ['5'], '?id_type=email');
    assert.deepEqual(await segments(), ['7']);
    await change('remove', ['A@b.c'], '?id_type=email');
    assert.deepEqual(await segments(), []);
});

test('answers a form with 204 and takes its fields for attributes', async (t) => {
    const sim = await Sim.start(t);
    const answer = await sim.call('POST', '/api/v1/forms/f/submit', { data: { email: 'A@b.c', city: 'Oslo' } });
    assert.equal(answer.status, 204);
    assert.equal(answer.text, '');
    assert.equal(answer.headers['content-length'], undefined);
    assert.equal((await sim.get('/people/a%40b.c')).attributes.city, 'Oslo');
});

test('takes reports about a delivery without credentials', async (t) => {
    const sim = await Sim.start(t);
    const none = { authorization: undefined };
    const post = (path, body) => sim.call('POST', path, body, none);
    const { delivery_id } = (await sim.send({ to: 'a@b.c', identifiers: { id: '5' }, transactional_message_id: 3 })).json;
    assert.equal((await post('/api/v1/metrics', { delivery_id, metric: 'opened' })).status, 200);
    for (const path of ['/api/v1/push/events', '/push/events']) {
        assert.equal((await post(path, { delivery_id, event: 'opened', device_id: 't' })).status, 200);
        assert.equal((await sim.last()).operation, 'report_push_event');
    }
    await post('/unsubscribe/unknown', { unsubscribe: true });
    assert.equal((await sim.last()).applied, false);
    assert.equal((await post(`/unsubscribe/${delivery_id}`, { unsubscribe: true })).status, 200);
    assert.equal((await sim.get('/people/5')).attributes.unsubscribed, true);
});

test('sends on each channel', async (t) => {
    const sim = await Sim.start(t);
    const message = { identifiers: { id: '5' }, transactional_message_id: 3 };
    const channels = ['push', 'sms', 'whatsapp', 'in_app', 'inbox_message'];
    for (const channel of channels) {
        const send = (body) => sim.call('POST', `/v1/send/${channel}`, body, { authorization: APP });
        const answer = await send(message);
        assert.equal(answer.status, 200);
        assert.equal(typeof answer.json.delivery_id, 'string');
        assert.ok(Number.isInteger(answer.json.queued_at));
        assert.equal((await send({ ...message, identifiers: {} })).status, 400);
        assert.equal((await send({ identifiers: { id: '5' } })).status, 400);
    }
    const operations = (await sim.get('/deliveries')).map((delivery) => delivery.operation);
    assert.deepEqual(operations, channels.map((channel) => `send_${channel}`));
});

test('takes a trigger, and the next one only after a while', async (t) => {
    const trigger = (sim, body, path = '/v1/campaigns/3/triggers') =>
        sim.call('POST', path, body, { authorization: APP });
    const sim = await Sim.start(t);
    const first = await trigger(sim, { ids: ['5'] });
    assert.equal(first.status, 200);
    assert.ok(Number.isInteger(first.json.id));
    const second = await trigger(sim, { ids: ['5'] });
    assert.deepEqual([second.status, second.json.errors[0].status], [429, '429']);
    assert.equal((await sim.last()).applied, false);
    const patient = await Sim.start(t, '--trigger-interval-ms', '0');
    for (const path of ['/v1/campaigns/3/triggers', '/v1/api/campaigns/3/triggers']) {
        assert.equal((await trigger(patient, '', path)).status, 200);
    }
    assert.equal((await trigger(patient, { recipients: {} })).status, 422);
    assert.equal((await trigger(patient, { ids: ['1'], emails: ['a@b.c'] })).status, 400);
});

test('refuses what lacks something', async (t) => {
    const sim = await Sim.start(t);
    const ids = (count) => ({ ids: Array(count).fill('1') });
    const form = (data) => ['POST', '/api/v1/forms/f/submit', { data }];
    const table = [
        ['PUT', '/api/v1/customers/5/devices', {}],
        ['PUT', '/api/v1/customers/5/devices', token('')],
        ['PUT', '/api/v1/customers/5/devices', token('a', '')],
        merge({ id: '1' }, {}),
        merge({ id: '1' }, { id: '2', email: 'a@b.c' }),
        ['POST', '/api/v1/segments/7/add_customers', ids(0)],
        ['POST', '/api/v1/segments/7/add_customers', ids(1001)],
        ['POST', '/api/v1/segments/x/add_customers', ids(1)],
        ['POST', '/api/v1/segments/7/add_customers', { ids: [1] }],
        ['POST', '/api/v1/segments/7/add_customers?id_type=phone', ids(1)],
        form(undefined),
        form({ name: 'Ann' }),
        form({ id: '5', email: 'a@b.c' }),
        form({ id: '5', age: 7 }),
        ['POST', '/api/v1/metrics', { metric: 'opened' }],
        ['POST', '/api/v1/metrics', { delivery_id: 'd' }],
        ['POST', '/push/events', { delivery_id: 'd', metric: 'opened' }],
    ];
    for (const call of table) {
        const answer = await sim.call(...call);
        assert.equal(answer.status, 400, JSON.stringify(call).slice(0, 200));
        assert.equal(typeof answer.json.meta.error, 'string');
    }
    assert.deepEqual(await sim.get('/people'), []);
});
