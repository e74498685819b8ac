import assert from 'node:assert/strict';
import http from 'node:http';
import test from 'node:test';
import { Sim, TRACK } from './sim.mjs';

const identify = (id, body = '{}', more = '') =>
    `PUT /api/v1/customers/${id} HTTP/1.1\r\nHost: x\r\nAuthorization: ${TRACK}\r\n` +
    `${more}Content-Length: ${body.length}\r\n\r\n${body}`;

test('answers 404 to an unknown path and 405 to a wrong method', async (t) => {
    const sim = await Sim.start(t);
    assert.equal((await sim.call('GET', '/')).status, 404);
    assert.equal((await sim.call('PUT', '/customers/5', {})).status, 404);
    const answer = await sim.call('PATCH', '/api/v1/customers/5', {});
    assert.deepEqual([answer.status, answer.headers.allow], [405, 'PUT, DELETE']);
});

test('keeps a connection, and answers pipelined requests in order', async (t) => {
    const sim = await Sim.start(t);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (const id of ['1', '2']) await sim.identify(id, {}, { agent });
    agent.destroy();
    const answers = await sim.raw(identify('3') + identify('4', '[]') + identify('5', '{}', 'Connection: close\r\n'));
    assert.deepEqual([...answers.matchAll(/HTTP\/1.1 (\d+)/g)].map((m) => m[1]), ['200', '400', '200']);
    const log = await sim.get('/requests');
    assert.deepEqual(log.map((r) => r.person), ['1', '2', '3', '4', '5']);
    assert.equal(new Set(log.map((r) => r.connection)).size, 2);
});

test('answers malformed HTTP with 400 and closes', async (t) => {
    const sim = await Sim.start(t);
    const table = [
        ['nonsense\r\n\r\n', 400],
        ['GET / HTTP/1.1\r\nbad header\r\n\r\n', 400],
        ['POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n', 400],
        ['POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 400],
        [`GET / HTTP/1.1\r\nX: ${'x'.repeat(9000)}\r\n\r\n`, 431],
        ['POST / HTTP/1.1\r\nContent-Length: 8388609\r\n\r\n', 413],
    ];
    for (const [bytes, status] of table) {
        const answer = await sim.raw(bytes);
        assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `));
        assert.match(answer, /\r\nConnection: close\r\n/);
    }
});

test('survives bodies that are meant to break it', async (t) => {
    const sim = await Sim.start(t);
    const bodies = ['{', '"x"', '7', '\xff\xfe', '{"a":1e999}', '['.repeat(4_000_000), '{"a":'.repeat(200_000), '\0'];
    for (const body of bodies) assert.equal((await sim.identify('5', body)).status, 400);
    assert.equal((await sim.identify('%ff%00', { a: '\u0000' })).status, 200);
    assert.equal((await sim.last()).n, bodies.length + 1);
    assert.equal((await sim.get('/people')).length, 1);
});

test('lets a client that asks first send its body', async (t) => {
    const sim = await Sim.start(t);
    const answers = await sim.raw(identify('5', '{}', 'Expect: 100-continue\r\nConnection: close\r\n'));
    assert.match(answers, /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK\r\n/);
});
