import assert from 'node:assert/strict';
import test from 'node:test';
import { APP, Sim, TRACK } from './sim.mjs';

const message = { to: 'a@b.c', identifiers: { id: '5' }, transactional_message_id: 3 };

test('makes a new delivery of each send, also of an identical one', async (t) => {
    const sim = await Sim.start(t);
    const [first, second] = [await sim.send(message), await sim.send(message)];
    assert.equal(first.status, 200);
    assert.ok(Number.isInteger(first.json.queued_at));
    assert.notEqual(first.json.delivery_id, second.json.delivery_id);
    const deliveries = await sim.get('/deliveries');
    const ids = deliveries.map((d) => d.delivery_id);
    assert.deepEqual(ids, [first.json.delivery_id, second.json.delivery_id]);
    assert.deepEqual([deliveries[0].to, deliveries[0].person], ['a@b.c', '5']);
});

test('wants the App key as a bearer token', async (t) => {
    const sim = await Sim.start(t);
    const status = async (authorization) =>
        (await sim.call('POST', '/v1/send/email', message, { authorization })).status;
    assert.equal(await status(APP), 200);
    assert.equal(await status('bearer sim-app-key'), 200);
    assert.equal(await status(APP + 'x'), 401);
    assert.equal(await status(TRACK), 401);
    assert.equal((await sim.get('/deliveries')).length, 2);
});

test('refuses a send that lacks what it needs', async (t) => {
    const sim = await Sim.start(t);
    const without = (...keys) => Object.fromEntries(Object.entries(message).filter(([k]) => !keys.includes(k)));
    const table = [
        [without('to'), 400],
        [without('identifiers'), 400],
        [{ ...message, identifiers: { id: '5', email: 'a@b.c' } }, 400],
        [without('transactional_message_id'), 400],
        [{ ...without('transactional_message_id'), body: 'b', subject: 's', from: 'f@b.c' }, 200],
        [{ ...message, to: Array(15).fill('a@b.c').join(', ') }, 200],
        [{ ...message, to: Array(15).fill('a@b.c').join(','), bcc: 'x@b.c' }, 400],
        [{ ...message, body: 'x'.repeat(1_000_001) }, 413],
        [{ ...message, attachments: { f: 'A'.repeat(2_600_000) } }, 200],
        [{ ...message, attachments: { f: 'A'.repeat(2_700_000) } }, 413],
    ];
    for (const [body, status] of table) {
        const answer = await sim.send(body);
        assert.equal(answer.status, status);
        if (status !== 200) assert.equal(typeof answer.json.meta.error, 'string');
    }
});
