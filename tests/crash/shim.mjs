// The preloaded shim.cpp, steered from here: which system calls on the log's files fail or lie.
import {closeSync, existsSync, openSync, readSync, writeSync} from 'node:fs';
import path from 'node:path';
import {bin} from './processes.mjs';

export const shimLibrary = path.join(bin(''), 'libcrash_shim.so');
export const isBuilt = () => existsSync(shimLibrary);

export const ops = {
  write: 1, pwrite: 2, fdatasync: 4, fsync: 8, open: 16, rename: 32, ftruncate: 64, fallocate: 128,
  unlink: 256, sync_file_range: 512,
};
export const errors = {EIO: 5, EMFILE: 24, ENOSPC: 28};
const actions = {fail: 1, pretend: 2};
const ruleBytes = 40;
const hitsAt = 32;

export class Shim {
  constructor(directory, wal) {
    const control = path.join(directory, 'shim');
    this.file = openSync(control, 'w+');
    writeSync(this.file, Buffer.alloc(2 * ruleBytes));
    this.environment = {
      LD_PRELOAD: shimLibrary, HOLDFAST_SHIM_DIRECTORY: wal, HOLDFAST_SHIM_CONTROL: control,
      // The agent may be built with ASan, which wants to be loaded first.
      ASAN_OPTIONS: [process.env.ASAN_OPTIONS, 'verify_asan_link_order=0'].filter(Boolean).join(':'),
    };
  }

  // Up to two rules, {action = 'fail', ops: [name…], error, skip = 0, count}: after `skip` calls the next
  // `count` are acted upon. The second begins when the first has hit.
  arm(...rules) {
    const bytes = Buffer.alloc(2 * ruleBytes);
    rules.forEach(({action = 'fail', ops: names, error = 'EIO', skip = 0, count = Infinity}, i) => {
      const at = i * ruleBytes;
      bytes.writeUInt32LE(actions[action], at);
      bytes.writeUInt32LE(names.reduce((sum, name) => sum | ops[name], 0), at + 4);
      bytes.writeInt32LE(errors[error], at + 8);
      bytes.writeBigInt64LE(BigInt(skip), at + 16);
      bytes.writeBigInt64LE(BigInt(Math.min(count, Number.MAX_SAFE_INTEGER)), at + 24);
    });
    // First all but the actions, so that no rule is in force while it is half written.
    const idle = Buffer.from(bytes);
    for (let i = 0; i < 2; ++i) idle.writeUInt32LE(0, i * ruleBytes);
    writeSync(this.file, idle, 0, idle.length, 0);
    writeSync(this.file, bytes, 0, bytes.length, 0);
  }

  disarm() {
    for (let i = 0; i < 2; ++i) writeSync(this.file, Buffer.alloc(4), 0, 4, i * ruleBytes);
  }

  // How often rule `i` was hit.
  hits(i = 0) {
    const bytes = Buffer.alloc(8);
    readSync(this.file, bytes, 0, 8, i * ruleBytes + hitsAt);
    return Number(bytes.readBigUInt64LE());
  }

  close() { closeSync(this.file); }
}
