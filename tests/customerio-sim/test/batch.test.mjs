import assert from 'node:assert/strict';
import test from 'node:test';
import { Sim, ULID } from './sim.mjs';

const identify = (id, attributes = {}) => ({
    type: 'person',
    action: 'identify',
    identifiers: { id },
    attributes,
});
const event = (id, name, more = {}) => ({
    type: 'person',
    action: 'event',
    identifiers: { id },
    name,
    ...more,
});

test('takes one operation at /api/v2/entity', async (t) => {
    const sim = await Sim.start(t);
    const answer = await sim.call('POST', '/api/v2/entity', identify('5', { plan: 'pro' }));
    assert.deepEqual([answer.status, answer.text], [200, '{}\n']);
    assert.equal((await sim.get('/people/5')).attributes.plan, 'pro');
    const { operation, person } = await sim.last();
    assert.deepEqual([operation, person], ['identify', '5']);
});

test('applies a batch in order and logs each item', async (t) => {
    const sim = await Sim.start(t);
    const batch = [identify('5'), event('5', 'a', { id: ULID }), event('5', 'b'), event('5', 'a', { id: ULID })];
    const answer = await sim.call('POST', '/api/v2/batch', { batch });
    assert.deepEqual([answer.status, answer.text], [200, '{}\n']);
    assert.deepEqual((await sim.get('/people/5')).events.map((e) => e.name), ['a', 'b']);
    const { operation, items } = await sim.last();
    assert.equal(operation, 'batch');
    assert.deepEqual(items.map((i) => [i.operation, i.person, i.applied, i.duplicate]), [
        ['identify', '5', true, false],
        ['event', '5', true, false],
        ['event', '5', true, false],
        ['event', '5', false, true],
    ]);
});

test('names the bad items in a 207 and takes the others', async (t) => {
    const sim = await Sim.start(t);
    const batch = [
        identify('5'),
        { type: 'person', action: 'fly', identifiers: { id: '5' } },
        { type: 'person', action: 'identify', identifiers: { id: '5', email: 'a@b.c' } },
        event('5', ' '),
        identify('5', { bio: 'x'.repeat(1001) }),
        { ...event('5', 'big'), attributes: { d: 'x'.repeat(32_000) } },
        7,
        event('5', 'good'),
    ];
    const answer = await sim.call('POST', '/api/v2/batch', { batch });
    assert.equal(answer.status, 207);
    const { errors } = answer.json;
    assert.deepEqual(errors.map((e) => e.batch_index), [1, 2, 3, 4, 5, 6]);
    assert.deepEqual(errors.map((e) => e.field), ['action', 'identifiers', 'name', 'attributes', '', '']);
    assert.deepEqual(errors[2], {
        batch_index: 3,
        reason: 'invalid',
        field: 'name',
        message: 'event name must not be blank',
    });
    assert.deepEqual((await sim.get('/people/5')).events.map((e) => e.name), ['good']);
});

test('takes nothing of a malformed or too large request', async (t) => {
    const sim = await Sim.start(t);
    const large = { batch: [...Array(20).keys()].map((i) => event(`${i}`, 'a', { attributes: { d: 'x'.repeat(26_000) } })) };
    for (const body of ['{', '[]', '{}', '{"batch":{}}', large]) {
        const answer = await sim.call('POST', '/api/v2/batch', body);
        assert.equal(answer.status, 400);
        assert.equal(answer.json.errors[0].reason, 'invalid');
        assert.equal('batch_index' in answer.json.errors[0], false);
    }
    const entity = event('5', 'a', { attributes: { d: 'x'.repeat(32_000) } });
    assert.equal((await sim.call('POST', '/api/v2/entity', entity)).status, 400);
    assert.deepEqual(await sim.get('/people'), []);
});

test('takes nothing of a batch that has nothing valid, and does not say which is which', async (t) => {
    const sim = await Sim.start(t);
    const batch = [event('5', ' '), { type: 'delivery', action: 'event', identifiers: { id: 'd' }, name: 'opened' }];
    for (const [items, fields] of [[batch, ['name', 'attributes']], [batch.slice(1), ['attributes']]]) {
        const answer = await sim.call('POST', '/api/v2/batch', { batch: items });
        assert.equal(answer.status, 400);
        assert.deepEqual(answer.json.errors.map((e) => e.field), fields);
        assert.ok(answer.json.errors.every((e) => !('batch_index' in e)));
    }
    assert.deepEqual(await sim.get('/people'), []);
});

test('merges two people', async (t) => {
    const sim = await Sim.start(t);
    const merge = { type: 'person', action: 'merge', primary: { id: '1' }, secondary: { id: '2' } };
    const batch = [identify('1', { a: 1 }), identify('2', { a: 2, b: 2 }), event('2', 'x'), merge];
    assert.equal((await sim.call('POST', '/api/v2/batch', { batch })).status, 200);
    const primary = await sim.get('/people/1');
    assert.deepEqual(primary.attributes, { id: '1', a: 1, b: 2 });
    assert.equal(primary.events.length, 1);
    assert.equal((await sim.get('/people/2')).deleted, true);
});

test('refuses chosen items by a fault rule', async (t) => {
    const sim = await Sim.start(t);
    await sim.faults({ do: { batch_errors: [1, 9] }, times: 1 });
    const batch = [event('5', 'a'), event('5', 'b'), event('5', 'c')];
    const answer = await sim.call('POST', '/api/v2/batch', { batch });
    assert.equal(answer.status, 207);
    assert.deepEqual(answer.json.errors.map((e) => e.batch_index), [1]);
    assert.deepEqual((await sim.get('/people/5')).events.map((e) => e.name), ['a', 'c']);
});
