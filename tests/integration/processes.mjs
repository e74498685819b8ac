// Starts and stops the built programs for the integration tests: the simulator, the agent, its CLI.
// Every port is picked by the system, every path lies in a directory of the test's own.
import {spawn, execFile} from 'node:child_process';
import {once} from 'node:events';
import {mkdtempSync, writeFileSync, rmSync, createWriteStream} from 'node:fs';
import net from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import {promisify} from 'node:util';

const run = promisify(execFile);

export const bin = (name) => {
  const directory = process.env.HOLDFAST_BIN;
  if (!directory) throw new Error('HOLDFAST_BIN must name the directory of the built programs');
  return path.join(directory, name);
};

export const makeDirectory = () => mkdtempSync(path.join(tmpdir(), 'holdfast-'));
export const removeDirectory = (directory) => rmSync(directory, {recursive: true, force: true});

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Waits for `condition` to give something true; the error says what it was waiting for.
export async function until(what, seconds, condition) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`after ${seconds} s still not: ${what}`);
    await pause(20);
  }
}

export class Simulator {
  static credentials = {site: 'site-1', key: 'track-key', app: 'app-key'};

  static async start(directory) {
    const {site, key, app} = Simulator.credentials;
    const child = spawn(bin('customerio-sim'), [
      '--http', '127.0.0.1:0', '--control', '127.0.0.1:0',
      '--site-id', site, '--api-key', key, '--app-key', app,
    ], {stdio: ['ignore', 'pipe', 'pipe']});
    child.stderr.pipe(createWriteStream(path.join(directory, 'sim.log')));
    const lines = readline.createInterface({input: child.stdout});
    const [line] = await once(lines, 'line');
    return new Simulator(child, JSON.parse(line));
  }

  constructor(child, {http, control}) {
    this.child = child;
    this.url = http;
    this.control = control;
  }

  async #call(method, target, body) {
    const response = await fetch(this.control + target, {
      method,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${method} ${target}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  down(down) { return this.#call('PUT', '/down', {down}); }
  faults(rules) { return this.#call('PUT', '/faults', rules); }
  currentFaults() { return this.#call('GET', '/faults'); }
  stats() { return this.#call('GET', '/stats'); }
  person(id) { return this.#call('GET', `/people/${encodeURIComponent(id)}`); }
  async deliveries() {
    const answer = await this.#call('GET', '/deliveries');
    return answer.deliveries ?? answer;
  }
  async requests() {
    const all = [];
    for (let after = 0;;) {
      const page = await this.#call('GET', `/requests?after=${after}&limit=1000&bodies=1`);
      const requests = page.requests ?? page;
      if (requests.length === 0) return all;
      all.push(...requests);
      after = requests.at(-1).n;
    }
  }

  async stop() {
    if (this.child.exitCode !== null) return;
    this.child.kill('SIGTERM');
    await once(this.child, 'exit');
  }
}

export class Agent {
  // `destination`: further lines of TOML for the one destination.
  constructor(directory, simulator, destination = '') {
    this.directory = directory;
    this.ingest = path.join(directory, 'ingest.sock');
    this.admin = path.join(directory, 'admin.sock');
    this.config = path.join(directory, 'holdfast.toml');
    this.log = createWriteStream(path.join(directory, 'agent.log'), {flags: 'a'});
    this.kills = 0;
    const {site, key, app} = Simulator.credentials;
    for (const [name, secret] of [['track.key', key], ['app.key', app]]) {
      writeFileSync(path.join(directory, name), secret + '\n', {mode: 0o600});
    }
    writeFileSync(this.config, `
[ingest]
socket = "${this.ingest}"
[admin]
socket = "${this.admin}"
[wal]
directory = "${path.join(directory, 'wal')}"
[[destination]]
name = "customerio"
type = "customerio"
site_id = "${site}"
api_key_file = "${path.join(directory, 'track.key')}"
app_key_file = "${path.join(directory, 'app.key')}"
track_url = "${simulator.url}"
app_url = "${simulator.url}"
${destination}
`);
  }

  async start() {
    this.child = spawn(bin('holdfastd'), ['--config', this.config], {stdio: ['ignore', 'ignore', 'pipe']});
    this.child.stderr.pipe(this.log, {end: false});
    const exited = once(this.child, 'exit');
    this.exited = exited;
    let gone = false;
    exited.then(() => { gone = true; });
    await until('the agent listens', 60, async () => {
      if (gone) throw new Error(`the agent ended at its start, see ${this.log.path}`);
      return this.#accepts(this.admin);
    });
  }

  #accepts(socketPath) {
    return new Promise((resolve) => {
      const socket = net.connect(socketPath);
      socket.on('connect', () => { socket.destroy(); resolve(true); });
      socket.on('error', () => resolve(false));
    });
  }

  async kill() {
    this.child.kill('SIGKILL');
    await this.exited;
    ++this.kills;
  }

  async stop() {
    if (!this.child || this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill('SIGTERM');
    const [code, signal] = await this.exited;
    if (code !== 0) throw new Error(`the agent ended with ${code ?? signal}, see ${this.log.path}`);
  }

  async cli(...words) {
    const {stdout} = await run(bin('holdfast'), ['--socket', this.admin, ...words]);
    return stdout;
  }

  async status() { return JSON.parse(await this.cli('--json', 'status')); }
  async dead() { return JSON.parse(await this.cli('--json', 'dead')).entries; }
}
