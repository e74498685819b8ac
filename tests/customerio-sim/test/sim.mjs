// Starts customerio-sim and talks to it. Every server gets ports of its own and ends with its test.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import readline from 'node:readline';

const PROGRAM = process.env.CUSTOMERIO_SIM;

export const TRACK = basic('sim-site:sim-key');
export const APP = 'Bearer sim-app-key';
export const ULID = '01JD0000000000000000000001';

export function basic(pair, alphabet = 'base64') {
    return `Basic ${Buffer.from(pair).toString(alphabet)}`;
}

export class Sim {
    static async start(t, ...args) {
        const sim = new Sim();
        sim.child = spawn(PROGRAM, ['--control', '127.0.0.1:0', ...args], {
            stdio: ['ignore', 'pipe', 'inherit'],
        });
        t.after(() => sim.stop());
        const lines = readline.createInterface({ input: sim.child.stdout });
        const [line] = await once(lines, 'line');
        Object.assign(sim, JSON.parse(line));
        return sim;
    }

    async stop() {
        if (this.child.exitCode !== null || this.child.signalCode !== null) return;
        this.child.kill('SIGTERM');
        await once(this.child, 'exit');
    }

    // One request on a connection of its own unless an agent is given.
    call(method, path, body, options = {}) {
        return request(this.http + path, method, body, { authorization: TRACK, ...options });
    }

    identify(id, attributes = {}, options) {
        return this.call('PUT', `/api/v1/customers/${id}`, attributes, options);
    }

    track(id, event, options) {
        return this.call('POST', `/api/v1/customers/${id}/events`, event, options);
    }

    send(message) {
        return this.call('POST', '/v1/send/email', message, { authorization: APP });
    }

    async get(path) {
        const answer = await request(this.control + path, 'GET');
        return answer.json;
    }

    async put(path, body) {
        return request(this.control + path, 'PUT', body);
    }

    async faults(...rules) {
        const answer = await this.put('/faults', rules);
        if (answer.status !== 200) throw new Error(answer.text);
    }

    // The newest request in the log.
    async last() {
        return (await this.get('/requests?bodies=1')).at(-1);
    }

    // Bytes in, bytes out, until the far side ends the connection.
    raw(bytes) {
        return new Promise((resolve, reject) => {
            const { hostname, port } = new URL(this.http);
            const socket = net.connect(Number(port), hostname, () => socket.write(bytes));
            const chunks = [];
            socket.on('data', (chunk) => chunks.push(chunk));
            socket.on('end', () => socket.end());
            socket.on('error', reject);
            socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
        });
    }
}

export function request(url, method, body, { authorization, headers, agent, timeout } = {}) {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const all = { ...headers };
    if (authorization) all.authorization = authorization;
    if (text !== undefined) {
        all['content-type'] = 'application/json';
        all['content-length'] = Buffer.byteLength(text);
    }
    return new Promise((resolve, reject) => {
        const outgoing = http.request(url, { method, headers: all, agent: agent ?? false });
        if (timeout) outgoing.setTimeout(timeout, () => outgoing.destroy(new Error('timed out')));
        outgoing.on('error', reject);
        outgoing.on('response', (answer) => {
            const chunks = [];
            answer.on('data', (chunk) => chunks.push(chunk));
            answer.on('error', reject);
            answer.on('end', () => {
                const received = Buffer.concat(chunks).toString();
                const isJson = /^\s*[{[]/.test(received);
                resolve({
                    status: answer.statusCode,
                    headers: answer.headers,
                    text: received,
                    json: isJson ? JSON.parse(received) : undefined,
                });
            });
        });
        outgoing.end(text);
    });
}

// Asks again until the answer satisfies; for what happens after a delay that we asked for.
export async function eventually(ask, satisfies) {
    for (;;) {
        const answer = await ask();
        if (satisfies(answer)) return answer;
        await new Promise((resolve) => setImmediate(resolve));
    }
}
