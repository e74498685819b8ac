import assert from 'node:assert/strict';
import test from 'node:test';
import { Sim, TRACK, ULID, basic, eventually } from './sim.mjs';

test('answers a success as the vendor does, byte by byte', async (t) => {
    const sim = await Sim.start(t);
    const answer = await sim.identify('5', { plan: 'pro' });
    assert.equal(answer.status, 200);
    assert.equal(answer.text, '{}\n');
    const { headers } = answer;
    assert.equal(headers['content-type'], 'application/json; charset=utf-8');
    assert.equal(headers['content-length'], '3');
    assert.equal(headers['cache-control'], 'no-cache, no-store, must-revalidate, max-age=0');
    assert.equal(headers['access-control-allow-origin'], '*');
    assert.equal(headers.status, '200 OK');
    assert.equal(headers.via, '1.1 google');
    assert.match(headers['strict-transport-security'], /^max-age=/);
    assert.match(headers['alt-svc'], /^h3=/);
    assert.match(headers.date, /GMT$/);
});

test('refuses with the texts of the vendor', async (t) => {
    const sim = await Sim.start(t);
    const many = Object.fromEntries([...Array(301).keys()].map((i) => [`a${i}`, i]));
    const identify = (id, body) => () => sim.identify(id, body);
    const track = (body) => () => sim.track('5', body);
    const anonymous = (body) => () => sim.call('POST', '/api/v1/events', body);
    const table = [
        [identify('', {}), 'id attribute cannot be an empty string'],
        [identify('5', { id: '' }), 'id attribute cannot be an empty string'],
        [identify('5', { id: true }), 'id attribute must be a string value'],
        [identify('5', many), 'cannot identify more than 300 attributes in one request'],
        [identify('5', { ['n'.repeat(151)]: 1 }), 'attribute name cannot be longer than 150 bytes'],
        [
            identify('5', { bio: 'x'.repeat(1001) }),
            "value for attribute 'bio' cannot be longer than 1000 bytes",
        ],
        [track({}), 'event name must not be blank'],
        [track({ name: '  ' }), 'event name must not be blank'],
        [track({ name: 'é'.repeat(51) }), 'event name cannot be longer than 100 bytes'],
        [track({ name: 'a', data: 'text' }), 'event data must be a hash'],
        [track({ name: 'a', data: [1] }), 'event data must be a hash'],
        [
            track({ name: 'a', data: { d: 'x'.repeat(100_000) } }),
            'event data cannot be longer than 100000 bytes',
        ],
        [anonymous({ anonymous_id: 'x' }), 'event name must not be blank'],
    ];
    for (const [ask, text] of table) {
        const answer = await ask();
        assert.deepEqual([answer.status, answer.json], [400, { meta: { error: text } }]);
    }
    assert.deepEqual(await sim.get('/people'), []);
});

test('takes what stands exactly at a limit, and what the clients send oddly', async (t) => {
    const sim = await Sim.start(t);
    const many = Object.fromEntries([...Array(300).keys()].map((i) => [`a${i}`, i]));
    const calls = [
        sim.identify('i'.repeat(150), many),
        sim.identify('5', { ['n'.repeat(150)]: 'x'.repeat(1000) }),
        sim.identify('5', 'null'), // Go
        sim.identify('5', ''), // PHP
        sim.identify('5', { id: 5 }), // Ruby
        sim.track('5', { name: 'n'.repeat(100), data: [] }), // PHP
        sim.track('5', { name: 'a', data: null }), // Go
        sim.call('DELETE', '/api/v1/customers/5', {}), // Python
    ];
    for (const answer of await Promise.all(calls)) assert.equal(answer.status, 200);
});

test('wants the credentials of Track, in either alphabet of base64', async (t) => {
    const sim = await Sim.start(t, '--site-id', 'site', '--api-key', 'KEY?>~~');
    const status = async (authorization) => (await sim.identify('5', {}, { authorization })).status;
    assert.notEqual(basic('site:KEY?>~~'), basic('site:KEY?>~~', 'base64url'));
    assert.equal(await status(basic('site:KEY?>~~')), 200);
    assert.equal(await status(basic('site:KEY?>~~', 'base64url')), 200);
    assert.equal(await status(basic('site:wrong')), 401);
    assert.equal(await status('Basic !!!'), 401);
    assert.equal(await status('Bearer KEY?>~~'), 401);
    assert.equal(await status(undefined), 401);
    assert.equal((await sim.last()).applied, false);
});

test('says which region the account is in, and whether the keys fit', async (t) => {
    const sim = await Sim.start(t, '--region', 'eu');
    const region = await sim.call('GET', '/api/v1/accounts/region');
    const eu = { url: 'https://track-eu.customer.io', region: 'eu', environment_id: 1 };
    assert.deepEqual(region.json, eu);
    assert.equal((await sim.call('GET', '/auth')).status, 200);
    assert.equal((await sim.call('GET', '/auth', undefined, { authorization: '' })).status, 401);
});

test('keeps a person: attributes merge, empty ones go, events stay in order', async (t) => {
    const sim = await Sim.start(t);
    await sim.identify('5', { plan: 'pro', city: 'Oslo', email: 'A@B.c' });
    await sim.identify('5', { plan: 'free', city: '' });
    await sim.track('5', { name: ' first ', timestamp: 1 });
    await sim.track('a@b.C', { name: '/home', type: 'page', id: ULID });
    const person = await sim.get('/people/5');
    assert.deepEqual(person.attributes, { id: '5', email: 'a@b.c', plan: 'free' });
    const events = person.events.map(({ name, type, id, timestamp }) => [name, type, id, timestamp]);
    assert.deepEqual(events, [
        ['first', 'event', null, 1],
        ['/home', 'page', ULID, null],
    ]);
    assert.deepEqual(await sim.get('/people/A%40b.c'), person);
    assert.deepEqual(await sim.get(`/people/${person.cio_id}`), person);
});

test('decodes each segment of the path, and leaves a plus alone', async (t) => {
    const sim = await Sim.start(t);
    assert.equal((await sim.identify('a%2Fb%20c+d')).status, 200);
    assert.equal((await sim.last()).person, 'a/b c+d');
    assert.equal((await sim.identify('a/b')).status, 404);
    assert.equal((await sim.identify('a%2')).status, 400);
});

test('applies an event once for each ULID, whoever sends it, in either case', async (t) => {
    const sim = await Sim.start(t);
    for (const id of [ULID, ULID, ULID.toLowerCase()]) {
        assert.equal((await sim.track('5', { name: 'a', id })).text, '{}\n');
    }
    await sim.call('POST', '/api/v1/events', { name: 'a', anonymous_id: 'x', id: ULID });
    assert.equal((await sim.get('/people/5')).events.length, 1);
    assert.equal((await sim.get('/stats')).duplicates, 3);
    const log = await sim.get('/requests');
    const marks = log.map(({ applied, duplicate, event_id }) => [applied, duplicate, event_id]);
    assert.deepEqual(marks.slice(0, 2), [
        [true, false, ULID],
        [false, true, ULID],
    ]);
});

test('does not recognise a repeat by an id that is no ULID', async (t) => {
    const sim = await Sim.start(t);
    await sim.track('5', { name: 'a', id: 'order-7' });
    await sim.track('5', { name: 'a', id: 'order-7' });
    assert.equal((await sim.get('/people/5')).events.length, 2);
});

test('gives anonymous events to who gets the anonymous id later', async (t) => {
    const sim = await Sim.start(t);
    await sim.call('POST', '/api/v1/events', { name: 'visit', anonymous_id: 'x' });
    assert.equal((await sim.last()).person, 'anonymous:x');
    await sim.identify('5', { anonymous_id: 'x' });
    assert.equal((await sim.get('/people/5')).events[0].name, 'visit');
});

test('deletes a person, whom a later call makes anew', async (t) => {
    const sim = await Sim.start(t);
    await sim.identify('5', { plan: 'pro' });
    await sim.call('DELETE', '/api/v1/customers/5');
    const gone = await sim.get('/people/5');
    assert.deepEqual([gone.deleted, gone.attributes], [true, {}]);
    await sim.identify('5', { plan: 'new' });
    const back = await sim.get('/people/5');
    assert.deepEqual([back.deleted, back.attributes.plan], [false, 'new']);
    assert.notEqual(back.cio_id, gone.cio_id);
});

test('ignores a suppressed person under every identifier until unsuppressed', async (t) => {
    const sim = await Sim.start(t);
    await sim.identify('5', { email: 'a@b.c' });
    await sim.call('POST', '/api/v1/customers/5/suppress', {});
    for (const id of ['5', 'a@b.c']) {
        assert.equal((await sim.identify(id, { plan: 'pro' })).status, 200);
        assert.equal((await sim.last()).applied, false);
    }
    const suppressed = await sim.get('/people/5');
    assert.deepEqual([suppressed.suppressed, suppressed.deleted], [true, true]);
    await sim.call('POST', '/api/v1/customers/a%40b.c/unsuppress', {});
    await sim.identify('5', { plan: 'pro' });
    assert.equal((await sim.get('/people/5')).attributes.plan, 'pro');
});

test('knows a person by cio_id, and drops calls to an unknown one silently', async (t) => {
    const sim = await Sim.start(t);
    await sim.identify('5');
    const { cio_id } = await sim.get('/people/5');
    await sim.identify(cio_id, { id: '6' });
    assert.equal((await sim.get('/people/6')).cio_id, cio_id);
    assert.equal((await sim.identify('cio_nobody', { a: 1 })).status, 200);
    assert.equal((await sim.last()).applied, false);
});

test('makes nobody under _update, and orders attributes by _timestamp', async (t) => {
    const sim = await Sim.start(t);
    await sim.identify('5', { a: 1, _update: true });
    assert.deepEqual(await sim.get('/people'), []);
    await sim.identify('5', { a: 'new', _timestamp: 20 });
    await sim.identify('5', { a: 'late', b: 'late', _timestamp: 10 });
    assert.deepEqual((await sim.get('/people/5')).attributes, { id: '5', a: 'new', b: 'late' });
});

test('never gives an identifier of one person to another', async (t) => {
    const sim = await Sim.start(t);
    await sim.identify('1', { email: 'a@b.c' });
    await sim.identify('2', { email: 'a@b.c', plan: 'pro' });
    assert.equal((await sim.get('/people/a%40b.c')).id, '1');
    assert.deepEqual((await sim.get('/people/2')).attributes, { id: '2', plan: 'pro' });
});

test('lets accepted calls take effect later when asked to', async (t) => {
    const sim = await Sim.start(t, '--apply-delay-ms', '300');
    await sim.identify('5', { plan: 'pro' }, { authorization: TRACK });
    assert.deepEqual(await sim.get('/people'), []);
    await eventually(
        () => sim.get('/people'),
        (people) => people.length === 1,
    );
    assert.equal((await sim.last()).applied, true);
});
