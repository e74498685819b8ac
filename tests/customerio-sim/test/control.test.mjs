import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { Sim, ULID, eventually } from './sim.mjs';

function directory(t) {
    const path = mkdtempSync(join(tmpdir(), 'customerio-sim-'));
    t.after(() => rmSync(path, { recursive: true }));
    return path;
}

test('logs every request in order of arrival', async (t) => {
    const sim = await Sim.start(t);
    const before = Date.now();
    await sim.identify('5', { a: 'x'.repeat(990) });
    await sim.track('5', { name: '', id: ULID, timestamp: 7 });
    await sim.call('GET', '/nowhere?x=1');
    const log = await sim.get('/requests');
    assert.deepEqual(log.map((r) => r.n), [1, 2, 3]);
    assert.ok(log[0].at_ms >= before - 1 && log[0].at_ms <= Date.now() + 1);
    assert.equal(log[0].body.length, 998);
    const { n, method, path, operation, person, event_id, timestamp, answered, fault, applied, duplicate, refusal } = log[1];
    assert.deepEqual(
        [n, method, path, operation, person, event_id, timestamp, answered, fault, applied, duplicate, refusal],
        [2, 'POST', '/api/v1/customers/5/events', 'event', '5', ULID, 7, 400, null, false, false, 'event name must not be blank'],
    );
    assert.deepEqual([log[2].path, log[2].operation, log[2].answered], ['/nowhere?x=1', null, 404]);
    assert.deepEqual((await sim.get('/requests?after=2')).map((r) => r.n), [3]);
    assert.deepEqual((await sim.get('/requests?after=9')).length, 0);
    assert.deepEqual((await sim.get('/requests?after=1&limit=1')).map((r) => r.n), [2]);
});

test('cuts long bodies in the log unless asked not to', async (t) => {
    const sim = await Sim.start(t);
    const body = JSON.stringify({ name: 'a', data: { d: 'x'.repeat(5000) } });
    await sim.track('5', body);
    assert.equal((await sim.get('/requests'))[0].body.length, 1000);
    assert.equal((await sim.get('/requests?bodies=1'))[0].body, body);
});

test('drops the oldest requests beyond --log-max and counts them', async (t) => {
    const sim = await Sim.start(t, '--log-max', '3');
    for (let i = 1; i <= 5; ++i) await sim.identify(`${i}`);
    assert.deepEqual((await sim.get('/requests')).map((r) => r.n), [3, 4, 5]);
    assert.deepEqual((await sim.get('/requests?after=3')).map((r) => r.n), [4, 5]);
    const { log_dropped, requests, applied } = await sim.get('/stats');
    assert.deepEqual([log_dropped, requests, applied], [2, 5, 5]);
});

test('writes each request to --log when it ends', async (t) => {
    const file = join(directory(t), 'requests.ndjson');
    const sim = await Sim.start(t, '--log', file);
    await sim.identify('5');
    await sim.call('GET', '/nowhere');
    await sim.stop();
    const lines = readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
    assert.deepEqual(lines.map((r) => [r.n, r.answered]), [[1, 200], [2, 404]]);
});

test('counts answers, connections and what was in flight', async (t) => {
    const sim = await Sim.start(t);
    await sim.faults({ match: { operation: 'event' }, times: 3, do: { delay_ms: 200 } });
    await Promise.all(['1', '2', '3'].map((id) => sim.track(id, { name: 'a' })));
    await sim.identify('5', []);
    const stats = await sim.get('/stats');
    assert.deepEqual(stats.answers, { event: { 200: 3 }, identify: { 400: 1 } });
    assert.deepEqual([stats.requests, stats.applied, stats.faults], [4, 3, 3]);
    assert.deepEqual([stats.connections, stats.in_flight, stats.in_flight_max], [4, 0, 3]);
    assert.equal(stats.overlaps, 0);
});

test('counts requests of one person that overlap in time', async (t) => {
    const sim = await Sim.start(t);
    await sim.faults({ match: { operation: 'event' }, times: 1, do: { delay_ms: 300 } });
    const first = sim.track('A@b.c', { name: 'a' });
    await eventually(
        () => sim.get('/stats'),
        (stats) => stats.in_flight === 1,
    );
    await sim.identify('5'); // another person may
    assert.equal((await sim.get('/stats')).overlaps, 0);
    await sim.identify('a%40b.C');
    await first;
    const { overlaps, first_overlaps } = await sim.get('/stats');
    assert.equal(overlaps, 1);
    assert.deepEqual(first_overlaps, [{ person: 'a@b.c', n: 3 }]);
});

test('sees no overlap in requests that follow each other at once', async (t) => {
    const sim = await Sim.start(t);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
    for (let i = 0; i < 300; ++i) await sim.identify('5', {}, i % 2 ? { agent } : {});
    agent.destroy();
    assert.equal((await sim.get('/stats')).overlaps, 0);
});

test('goes down, refusing connections, and comes back on the same ports', async (t) => {
    const sim = await Sim.start(t);
    await sim.identify('5');
    await sim.faults({ do: { hang: true }, times: 1 });
    const hanging = sim.identify('6');
    hanging.catch(() => {});
    await eventually(
        () => sim.get('/stats'),
        (stats) => stats.in_flight === 1,
    );
    for (let round = 0; round < 3; ++round) {
        assert.equal((await sim.put('/down', { down: true })).status, 200);
        assert.deepEqual(await sim.get('/down'), { down: true });
        await assert.rejects(sim.identify('5'), { code: 'ECONNREFUSED' });
        await assert.rejects(hanging);
        assert.equal((await sim.put('/down', { down: false })).status, 200);
        assert.equal((await sim.identify('5')).status, 200);
    }
    assert.equal((await sim.get('/stats')).in_flight, 0);
    assert.equal((await sim.get('/people/5')).id, '5');
    assert.equal((await sim.put('/down', {})).status, 400);
});

test('keeps a chosen port for itself while it is down', async (t) => {
    const sim = await Sim.start(t);
    await sim.put('/down', { down: true });
    const other = http.createServer();
    other.listen(Number(new URL(sim.http).port), '127.0.0.1');
    const [error] = await once(other, 'error');
    assert.equal(error.code, 'EADDRINUSE');
});

test('forgets on reset, but neither the rules nor how far it counted', async (t) => {
    const sim = await Sim.start(t);
    await sim.faults({ match: { person: '9' }, do: { status: 500 } });
    await sim.track('5', { name: 'a', id: ULID });
    await fetch(`${sim.control}/reset`, { method: 'POST' });
    assert.deepEqual(await sim.get('/people'), []);
    assert.deepEqual(await sim.get('/requests'), []);
    assert.equal((await sim.get('/stats')).requests, 0);
    await sim.track('5', { name: 'a', id: ULID });
    const { n, applied } = await sim.last();
    assert.deepEqual([n, applied], [2, true]);
    assert.equal((await sim.identify('9')).status, 500);
    await fetch(`${sim.control}/faults`, { method: 'DELETE' });
    assert.equal((await sim.identify('9')).status, 200);
});

test('starts with the rules of --faults, or says what is wrong with them', async (t) => {
    const file = join(directory(t), 'faults.json');
    writeFileSync(file, '[{"do":{"status":503}}]');
    const sim = await Sim.start(t, '--faults', file);
    assert.equal((await sim.identify('5')).status, 503);
});

test('answers 404 for what is not there', async (t) => {
    const sim = await Sim.start(t);
    const status = async (path) => (await fetch(sim.control + path)).status;
    assert.equal(await status('/people/nobody'), 404);
    assert.equal(await status('/'), 404);
    assert.equal(await status('/requests?after=x'), 400);
    assert.equal((await sim.call('GET', '/stats')).status, 404); // on the service itself
});

test('ends cleanly on SIGTERM and SIGINT, whatever hangs', async (t) => {
    for (const signal of ['SIGTERM', 'SIGINT']) {
        const sim = await Sim.start(t);
        await sim.faults({ do: { hang: true } });
        sim.identify('5').catch(() => {});
        await eventually(
            () => sim.get('/stats'),
            (stats) => stats.in_flight === 1,
        );
        sim.child.kill(signal);
        assert.deepEqual(await once(sim.child, 'exit'), [0, null]);
    }
});
