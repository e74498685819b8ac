// The agent as a process that is killed, frozen and looked at, and the state of one trial around it.
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdirSync, openSync, closeSync, readFileSync, writeFileSync} from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import {Simulator, bin, pause} from '../integration/processes.mjs';

export {Simulator, bin, pause};

const living = new Set();

// All but `spared`, which may be none. Resolves when they are gone.
export function killAll(spared) {
  const doomed = [...living].filter((child) => child !== spared);
  const gone = doomed.map((child) => once(child, 'exit'));
  for (const child of doomed) child.kill('SIGKILL');
  return Promise.all(gone);
}

export function track(child) {
  living.add(child);
  child.once('exit', () => living.delete(child));
  return child;
}

// mulberry32: small, and the same everywhere.
export function randomOf(seed) {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const quick = `
track_rate = 1000
concurrency = 16
backoff_base = "20ms"
backoff_cap = "200ms"
breaker_open = "50ms"
breaker_open_cap = "200ms"
connect_timeout = "2s"
answer_timeout = "2s"
`;

export class Agent {
  // `wal`: the log's directory. `environment`: for the process. `small`: the log has small buffers and RocksDB's
  // logs are short, so that their files are written over again and again.
  constructor(directory, simulator, {wal = path.join(directory, 'wal'), environment = {}, small = false} = {}) {
    mkdirSync(directory, {recursive: true});
    this.directory = directory;
    this.wal = wal;
    this.environment = environment;
    this.ingest = path.join(directory, 'ingest.sock');
    this.adminSocket = path.join(directory, 'admin.sock');
    this.config = path.join(directory, 'holdfast.toml');
    this.journal = path.join(directory, 'agent.log');
    this.end = null;  // of the last life that ended: {code, signal}
    const {site, key} = Simulator.credentials;
    writeFileSync(path.join(directory, 'key'), key + '\n', {mode: 0o600});
    writeFileSync(this.config, `
[ingest]
socket = "${this.ingest}"
[admin]
socket = "${this.adminSocket}"
[wal]
directory = "${wal}"
${small ? 'max_bytes = "64MiB"' : ''}
[[destination]]
name = "customerio"
type = "customerio"
site_id = "${site}"
api_key_file = "${path.join(directory, 'key')}"
track_url = "${simulator.url}"
${quick}`);
  }

  get alive() { return Boolean(this.child) && this.end === null; }

  // True when the admin socket answers; false when the process ended first, see `end`.
  async start(seconds = 30) {
    const begin = Date.now();
    this.launch();
    for (;;) {
      if (!this.alive) return false;
      if (await this.admin('/v1/status', 1000).then(() => true, () => false)) break;
      if (Date.now() - begin > seconds * 1000) return false;
      await pause(5);
    }
    this.readyMs = Date.now() - begin;
    return true;
  }

  launch() {
    const log = openSync(this.journal, 'a');
    this.end = null;
    this.child = track(spawn(bin('holdfastd'), ['--config', this.config],
      {stdio: ['ignore', 'ignore', log], env: {...process.env, ...this.environment}}));
    closeSync(log);
    this.exited = once(this.child, 'exit').then(([code, signal]) => {
      this.end = {code, signal};
    });
  }

  async kill() {
    if (!this.alive) return;
    this.child.kill('SIGKILL');
    await this.exited;
  }

  // True after a clean end.
  async stop() {
    if (!this.alive) return false;
    this.child.kill('SIGTERM');
    await this.exited;
    return this.end.code === 0;
  }

  // One call of the admin API.
  admin(target, ms = 10_000) {
    return new Promise((resolve, reject) => {
      const request = http.request(
        {socketPath: this.adminSocket, path: target, agent: false, timeout: ms}, (response) => {
          let body = '';
          response.setEncoding('utf8');
          response.on('data', (text) => { body += text; });
          response.on('error', reject);
          response.on('end', () => {
            if (response.statusCode !== 200) reject(new Error(`${target}: ${response.statusCode} ${body}`));
            else resolve(JSON.parse(body));
          });
        });
      request.on('timeout', () => request.destroy(new Error(`${target}: no answer in ${ms} ms`)));
      request.on('error', reject);
      request.end();
    });
  }

  status() { return this.admin('/v1/status'); }

  async entries() {
    const all = [];
    for (let after = 0; after !== null;) {
      const page = await this.admin(`/v1/entries?limit=1000&after=${after}`);
      all.push(...page.entries);
      after = page.next;
    }
    return all;
  }

  // The last lines of its journal, for a report.
  tail(lines = 3) {
    return readFileSync(this.journal, 'utf8').trimEnd().split('\n').slice(-lines).join(' | ');
  }
}
