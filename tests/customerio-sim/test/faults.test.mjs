import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import test from 'node:test';
import { Sim, eventually } from './sim.mjs';

const code = (promise) => promise.then((answer) => answer.status, (error) => error.code);

// What a request came to under a fault: to its sender, and in the log.
async function under(t, action, options) {
    const sim = await Sim.start(t);
    await sim.faults({ do: action, times: 1 });
    const outcome = await code(sim.identify('5', { a: 1 }, options));
    const entry = await eventually(
        () => sim.last(),
        async () => (await sim.get('/stats')).in_flight === 0,
    );
    assert.deepEqual(entry.fault, action);
    assert.equal(await code(sim.identify('6')), 200);
    return { outcome, applied: entry.applied, answered: entry.answered };
}

test('a status comes instead of the work', async (t) => {
    const sim = await Sim.start(t);
    const headers = { 'X-Extra': 'yes' };
    await sim.faults({ do: { status: 429, retry_after: '2', body: { no: 1 }, headers }, times: 1 });
    const answer = await sim.identify('5');
    assert.deepEqual([answer.status, answer.json], [429, { no: 1 }]);
    assert.deepEqual([answer.headers['retry-after'], answer.headers['x-extra']], ['2', 'yes']);
    assert.equal((await sim.last()).applied, false);
    assert.equal((await sim.identify('5')).status, 200);
});

test('Retry-After may be anything', async (t) => {
    const sim = await Sim.start(t);
    for (const value of ['Wed, 21 Oct 2015 07:28:00 GMT', 'junk', '-1', '']) {
        await sim.faults({ do: { status: 503, retry_after: value } });
        assert.equal((await sim.identify('5')).headers['retry-after'], value);
    }
});

test('a reset comes before the work or after it', async (t) => {
    const reset = { outcome: 'ECONNRESET', answered: null };
    assert.deepEqual(await under(t, { reset: 'before' }), { ...reset, applied: false });
    assert.deepEqual(await under(t, { reset: 'after' }), { ...reset, applied: true });
});

test('a reset is an RST and a close is a FIN', async (t) => {
    const sim = await Sim.start(t);
    const ask = 'GET /auth HTTP/1.1\r\nHost: x\r\n\r\n';
    await sim.faults({ do: { close: 'before' } });
    assert.equal(await sim.raw(ask), '');
    await sim.faults({ do: { reset: 'before' } });
    await assert.rejects(sim.raw(ask), { code: 'ECONNRESET' });
});

test('a close comes before the work or after it', async (t) => {
    const closed = { outcome: 'ECONNRESET', answered: null }; // Node's name for an early end
    assert.deepEqual(await under(t, { close: 'before' }), { ...closed, applied: false });
    assert.deepEqual(await under(t, { close: 'after' }), { ...closed, applied: true });
});

test('a hang reads, does nothing and never answers', async (t) => {
    const sim = await Sim.start(t);
    await sim.faults({ do: { hang: true }, times: 1 });
    const outgoing = http.request(`${sim.http}/auth`, { agent: false });
    outgoing.on('error', () => {});
    outgoing.end();
    await eventually(
        () => sim.get('/stats'),
        (stats) => stats.in_flight === 1,
    );
    assert.equal(await code(sim.identify('5')), 200); // nobody else waits
    outgoing.destroy();
    const stats = await eventually(
        () => sim.get('/stats'),
        ({ in_flight }) => in_flight === 0,
    );
    assert.deepEqual(stats.answers.auth, { none: 1 });
});

test('a delay answers late and works at once', async (t) => {
    const sim = await Sim.start(t);
    await sim.faults({ do: { delay_ms: 200 }, times: 1 });
    const began = performance.now();
    const answer = sim.identify('5');
    await eventually(
        () => sim.get('/people'),
        (people) => people.length === 1,
    );
    assert.equal((await sim.last()).answered, null);
    assert.equal((await answer).status, 200);
    assert.ok(performance.now() - began >= 199);
});

test('a delay ends when the client gives up, and keeps what was pipelined', async (t) => {
    const given_up = await under(t, { delay_ms: 60_000 }, { timeout: 50 });
    assert.deepEqual([given_up.applied, given_up.answered], [true, null]);
    const sim = await Sim.start(t);
    await sim.faults({ do: { delay_ms: 50 }, times: 1 });
    const ask = 'GET /auth HTTP/1.1\r\n\r\n';
    const answers = await sim.raw(ask + ask.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
    assert.equal(answers.match(/HTTP\/1.1 401/g).length, 2);
});

test('a drip sends the whole answer byte by byte', async (t) => {
    const sim = await Sim.start(t);
    await sim.faults({ do: { drip_ms: 1, status: 200, body: '{"x":1}' } });
    const began = performance.now();
    assert.deepEqual((await sim.identify('5')).json, { x: 1 });
    assert.ok(performance.now() - began >= 300);
});

test('a truncated answer ends in its middle, after the work', async (t) => {
    const cut = await under(t, { truncate: true });
    assert.deepEqual([cut.applied, cut.answered], [true, null]);
    assert.notEqual(cut.outcome, 200);
    const sim = await Sim.start(t);
    await sim.faults({ do: { truncate: true } });
    const bytes = await sim.raw('GET /auth HTTP/1.1\r\n\r\n');
    assert.match(bytes, /^HTTP\/1.1 401/);
    assert.doesNotMatch(bytes, /\r\n\r\n/);
});

test('garbage is no HTTP', async (t) => {
    const outcome = await under(t, { garbage: true });
    assert.deepEqual(outcome, { outcome: 'HPE_INVALID_CONSTANT', applied: true, answered: null });
});

test('a redirect to an origin keeps the path', async (t) => {
    const sim = await Sim.start(t);
    await sim.faults({ do: { redirect: 'http://127.0.0.1:9' }, times: 1 }, { do: { redirect: 'http://127.0.0.1:9/x', status: 301 } });
    const [first, second] = [await sim.identify('5'), await sim.identify('5')];
    assert.deepEqual([first.status, first.headers.location], [307, 'http://127.0.0.1:9/api/v1/customers/5']);
    assert.deepEqual([second.status, second.headers.location], [301, 'http://127.0.0.1:9/x']);
    assert.deepEqual(await sim.get('/people'), []);
});

test('the first rule that matches wins, and `times` wears it out', async (t) => {
    const sim = await Sim.start(t);
    await sim.faults(
        { match: { operation: 'event' }, do: { status: 500 } },
        { match: { person: 'A@b.c' }, do: { status: 501 } },
        { match: { method: 'DELETE', path: '/api/v1/customers/*' }, do: { status: 502 } },
        { match: { path: '/api/v1/*' }, times: 2, do: { status: 503 } },
    );
    assert.equal((await sim.track('a@b.c', { name: 'x' })).status, 500);
    assert.equal((await sim.identify('a%40B.c')).status, 501);
    assert.equal((await sim.call('DELETE', '/api/v1/customers/5')).status, 502);
    const statuses = [];
    for (let i = 0; i < 3; ++i) statuses.push((await sim.identify('5')).status);
    assert.deepEqual(statuses, [503, 503, 200]);
    const rules = await sim.get('/faults');
    assert.deepEqual(rules.map((r) => [r.left, r.hits]), [[null, 1], [null, 1], [null, 1], [0, 2]]);
});

test('a probability is drawn from the seed', async (t) => {
    const draw = async (seed) => {
        const sim = await Sim.start(t, '--seed', seed);
        await sim.faults({ probability: 0.5, do: { status: 503 } });
        const statuses = [];
        for (let i = 0; i < 40; ++i) statuses.push((await sim.identify('5')).status);
        return statuses.join();
    };
    const [one, again, other] = [await draw('7'), await draw('7'), await draw('8')];
    assert.equal(one, again);
    assert.notEqual(one, other);
    assert.match(one, /200/);
    assert.match(one, /503/);
});

test('a bad rule is refused with its number, and the old rules stay', async (t) => {
    const sim = await Sim.start(t);
    await sim.faults({ do: { status: 500 } });
    const table = [
        [{}, 'the rules must be a list'],
        [[{ do: { status: 500 } }, {}], 'rule 2: must be an object with `do`'],
        [[{ do: {} }], 'rule 1: `do` must be an object that says what to do'],
        [[{ do: { explode: 1 } }], 'rule 1: unknown key `explode` in `do`'],
        [[{ do: { status: 99 } }], 'rule 1: `status` must be 200 to 599'],
        [[{ do: { reset: 'soon' } }], 'rule 1: `reset` must be "before" or "after"'],
        [[{ do: { delay_ms: -1 } }], 'rule 1: `delay_ms` must be a number of milliseconds, at most a day'],
        [[{ do: { retry_after: '1' } }], 'rule 1: `body`, `headers` and `retry_after` need `status`'],
        [[{ do: { status: 500, headers: { a: 'b\r\nc' } } }], 'rule 1: `headers` must be an object of one-line strings'],
        [[{ do: { hang: true }, match: { colour: 'red' } }], 'rule 1: unknown key `colour` in `match`'],
        [[{ do: { hang: true }, probability: 2 }], 'rule 1: `probability` must be from 0 to 1'],
    ];
    for (const [rules, text] of table) {
        const answer = await sim.put('/faults', rules);
        assert.deepEqual([answer.status, answer.json.meta.error], [400, text]);
    }
    assert.equal((await sim.identify('5')).status, 500);
});

test('a fault of one request does not touch the others on the same server', async (t) => {
    const sim = await Sim.start(t);
    await sim.faults({ match: { person: '5' }, do: { reset: 'after' } });
    const outcomes = await Promise.all(['1', '5', '2'].map((id) => code(sim.identify(id))));
    assert.deepEqual(outcomes, [200, 'ECONNRESET', 200]);
    assert.equal((await once(http.get(sim.http), 'response'))[0].statusCode, 404);
});
