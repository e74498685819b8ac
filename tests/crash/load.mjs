// The apps: several connections to the ingest socket, on each several events outstanding at once
// (pipelined HTTP). A connection that ends is opened again; what was outstanding on it stays unknown.
import {randomBytes} from 'node:crypto';
import net from 'node:net';
import {Simulator, pause} from '../integration/processes.mjs';

const authorization =
  'Basic ' + Buffer.from(`${Simulator.credentials.site}:${Simulator.credentials.key}`).toString('base64');

// Paddings are pieces of it: nothing that compresses well.
const noise = randomBytes(48 * 1024).toString('base64');

const defaults = {
  connections: 8,
  window: 8,
  people: 40,
  padMax: 600,
  most: Infinity,  // events, then it idles
};

export class Load {
  // `random`: of the trial's seed.
  constructor(history, socketPath, random, options = {}) {
    Object.assign(this, defaults, options, {history, socketPath, random});
    this.running = false;
    this.sent = 0;
    this.lastAnswerAt = 0;
    this.acknowledgedBefore = history.acknowledged;
    this.loops = [];
  }

  start() {
    this.running = true;
    for (let i = 0; i < this.connections; ++i) this.loops.push(this.#live());
    return this;
  }

  // Sends nothing more, waits for what is outstanding, at most so long.
  async stop(ms = 2000) {
    this.running = false;
    const given = setTimeout(() => this.cut(), ms);
    for (const connection of this.#open) connection.endIfIdle();
    await Promise.all(this.loops);
    clearTimeout(given);
  }

  // Ends all connections at once.
  cut() {
    this.running = false;
    for (const connection of this.#open) connection.socket.destroy();
  }

  #open = new Set();

  async #live() {
    while (this.running) {
      await new Promise((closed) => {
        const connection = new Connection(this, () => {
          this.#open.delete(connection);
          closed();
        });
        this.#open.add(connection);
      });
      if (this.running) await pause(5);
    }
  }

  next() {
    if (!this.running || this.sent >= this.most) return null;
    ++this.sent;
    const person = `p${Math.floor(this.random() * this.people)}`;
    const size = Math.floor(this.random() * this.padMax);
    const from = Math.floor(this.random() * (noise.length - size));
    const pad = noise.slice(from, from + size);
    return {person, ...this.history.invoke(person, pad)};
  }
}

class Connection {
  #outstanding = [];
  #input = '';
  #resting = false;

  constructor(load, closed) {
    this.load = load;
    this.socket = net.connect(load.socketPath);
    this.socket.setEncoding('latin1');
    this.socket.on('connect', () => this.#fill());
    this.socket.on('data', (text) => this.#take(text));
    this.socket.on('error', () => {});
    this.socket.on('close', closed);
  }

  endIfIdle() {
    if (this.#outstanding.length === 0) this.socket.destroy();
  }

  #fill() {
    let text = '';
    while (!this.#resting && this.#outstanding.length < this.load.window) {
      const event = this.load.next();
      if (!event) break;
      this.#outstanding.push(event.number);
      text += `POST /api/v1/customers/${event.person}/events HTTP/1.1\r\nHost: localhost\r\n` +
        `Authorization: ${authorization}\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${event.body.length}\r\n\r\n${event.body}`;
    }
    if (text) this.socket.write(text, 'latin1');
    if (!this.load.running) this.endIfIdle();
  }

  #take(text) {
    this.#input += text;
    for (;;) {
      const end = this.#input.indexOf('\r\n\r\n');
      if (end < 0) break;
      const head = this.#input.slice(0, end);
      const length = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      if (this.#input.length < end + 4 + length) break;
      const body = this.#input.slice(end + 4, end + 4 + length);
      this.#input = this.#input.slice(end + 4 + length);
      this.#answered(head, body);
    }
    this.#fill();
  }

  #answered(head, body) {
    const number = this.#outstanding.shift();
    const status = Number(head.slice(9, 12));
    const {history} = this.load;
    this.load.lastAnswerAt = Date.now();
    if (status === 200) {
      const [, id] = /x-holdfast-id: *(\S+)/i.exec(head) ?? [];
      const [, seq] = /x-holdfast-seq: *(\d+)/i.exec(head) ?? [];
      history.acknowledge(number, id, seq);
      return;
    }
    let code;
    try {
      ({code} = JSON.parse(body));
    } catch {
      // then it has none, and History says so
    }
    const retryAfter = /retry-after: *(\S+)/i.exec(head)?.[1];
    history.refuse(number, {status, code, retryAfter, body});
    this.#rest();
  }

  // After a refusal nobody asks again at once.
  #rest() {
    if (this.#resting) return;
    this.#resting = true;
    setTimeout(() => {
      this.#resting = false;
      if (!this.socket.destroyed) this.#fill();
    }, 20);
  }
}
