import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { Sim, TRACK, eventually } from './sim.mjs';

async function start(t) {
    const directory = mkdtempSync(join(tmpdir(), 'customerio-sim-'));
    t.after(() => rmSync(directory, { recursive: true }));
    const sim = await Sim.start(t, '--http', '127.0.0.1:0', '--https', '127.0.0.1:0', '--tls-self-signed', directory);
    sim.caFile = join(directory, 'ca.pem');
    return sim;
}

function put(url, ca) {
    return new Promise((resolve, reject) => {
        const options = { method: 'PUT', ca, agent: false, headers: { authorization: TRACK } };
        const outgoing = https.request(`${url}/api/v1/customers/5`, options, (answer) => {
            answer.resume();
            answer.on('end', () => resolve(answer.statusCode));
            answer.on('error', reject);
        });
        outgoing.on('error', reject);
        outgoing.end('{}');
    });
}

test('is trusted by who trusts its CA, by name and by address', async (t) => {
    const sim = await start(t);
    const ca = readFileSync(sim.caFile);
    assert.equal(await put(sim.https, ca), 200);
    assert.equal(await put(sim.https.replace('127.0.0.1', 'localhost'), ca), 200);
    assert.equal((await sim.identify('6')).status, 200); // plain HTTP beside it
});

test('is trusted by nobody else', async (t) => {
    const sim = await start(t);
    await assert.rejects(put(sim.https), /certificate/);
    assert.deepEqual(await sim.get('/requests'), []);
});

test('satisfies curl --cacert', async (t) => {
    const sim = await start(t);
    const curl = (...args) => promisify(execFile)('curl', ['-sS', '-u', 'sim-site:sim-key', ...args]);
    const url = `${sim.https.replace('127.0.0.1', 'localhost')}/auth`;
    const { stdout } = await curl('--cacert', sim.caFile, '-o', '-', url);
    assert.deepEqual(JSON.parse(stdout), { meta: {} });
    await assert.rejects(curl(url), { code: 60 });
});

test('has the same faults', async (t) => {
    const sim = await start(t);
    const ca = readFileSync(sim.caFile);
    const outcomes = [];
    for (const action of [{ reset: 'after' }, { close: 'before' }, { truncate: true }, { status: 503 }, { delay_ms: 20 }, { drip_ms: 1 }]) {
        await sim.faults({ do: action, times: 1 });
        outcomes.push(await put(sim.https, ca).catch(() => 'failed'));
    }
    assert.deepEqual(outcomes, ['failed', 'failed', 'failed', 503, 200, 200]);
    await sim.put('/down', { down: true });
    await assert.rejects(put(sim.https, ca), { code: 'ECONNREFUSED' });
    await sim.put('/down', { down: false });
    assert.equal(await put(sim.https, ca), 200);
});

test('does not mind what is no TLS', async (t) => {
    const sim = await start(t);
    await Sim.prototype.raw.call({ http: sim.https }, 'GET / HTTP/1.1\r\n\r\n').catch(() => {});
    await eventually(
        () => sim.get('/stats'),
        (stats) => stats.connections_open === 0,
    );
    assert.equal(await put(sim.https, readFileSync(sim.caFile)), 200);
});
