// What this machine can do, and file systems in files: made, mounted, cut off, unmounted.
import {execFile, spawnSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {promisify} from 'node:util';
import {bin, pause} from './processes.mjs';
import {isBuilt} from './shim.mjs';

// mkfs is not on every root's path.
const environment = {...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin`};
const execute = promisify(execFile);
const run = (program, words) => execute(program, words, {env: environment});
const mounted = new Set();  // volumes

const makers = {
  ext4: {program: 'mkfs.ext4', options: ['-qF']},
  xfs: {program: 'mkfs.xfs', options: ['-qf']},
};

// A file system in `directory`/image, on `directory`/mnt.
export class Volume {
  static async make(directory, type, megabytes) {
    const volume = new Volume(directory);
    writeFileSync(volume.image, '');
    truncateSync(volume.image, megabytes * 1024 * 1024);
    const {program, options} = makers[type];
    await run(program, [...options, volume.image]);
    mkdirSync(volume.mount);
    return volume.attach();
  }

  constructor(directory) {
    this.image = path.join(directory, 'image');
    this.mount = path.join(directory, 'mnt');
  }

  async attach() {
    mounted.add(this);
    await run('mount', ['-o', 'loop', this.image, this.mount]);
    return this;
  }

  // As when the power goes: what was not flushed is not on the disk, and nothing more gets there. The
  // process, if any, is stopped at that moment.
  cutPower(pid) { return run(bin('crash_cut_power'), [this.mount, pid].filter(Boolean).map(String)); }

  // The loop device goes with it. Nobody may use it any more.
  async detach() {
    for (let i = 0;; ++i) {
      try {
        await run('umount', [this.mount]);
        break;
      } catch (error) {
        if (i === 100) throw error;
        await pause(20);
      }
    }
    mounted.delete(this);
  }
}

// What is still mounted, at the end of the run.
export function unmountAll() {
  for (const {mount} of mounted) spawnSync('umount', ['--lazy', mount]);
  mounted.clear();
}

// The same after a trial that went wrong; its processes are gone.
export async function detachAll() {
  for (const volume of mounted) await volume.detach();
}

// Each is true or the reason why not. Tried, not guessed.
export async function capabilities() {
  const able = {shim: isBuilt() || 'not built'};
  for (const type of Object.keys(makers)) able[type] = await tryVolume(type);
  return able;
}

async function tryVolume(type) {
  const directory = mkdtempSync(path.join(tmpdir(), 'crash-'));
  let volume;
  try {
    volume = await Volume.make(directory, type, type === 'xfs' ? 300 : 16);
    await volume.cutPower();
    await volume.detach();
    return true;
  } catch (error) {
    await volume?.detach().catch(() => {});
    return error.code === 'ENOENT' ? `${error.path} is missing` : error.message.split('\n').at(-2) ?? error.message;
  } finally {
    unmountAll();
    rmSync(directory, {recursive: true, force: true});
  }
}
