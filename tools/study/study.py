"""The paper's ablations in small, by t3video's own commands: trains, makes films, measures. See README.md.

    study.py FOLDER --program t3video [--devices cuda:0,cuda:1] [--minutes 10] [--seeds 0,1]

Goes on where it was: what is done stays done, and runs that are stopped resume. Needs numpy.
"""
import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import plan


class Stopped(Exception):
    pass


class Worker(threading.Thread):
    """Takes tasks of one kind, the first that is ready, until there are none or time is up."""

    def __init__(self, study, device):
        super().__init__()
        self.study, self.device = study, device

    def run(self):
        while (task := self.study.next_task(self.device)) is not None:
            start = time.time()
            try:
                task.work(Commands(self.study, task.name, self.device))
                self.study.finished(task, time.time() - start)
            except Stopped:
                self.study.put_back(task)
            except Exception as error:  # the others go on; the last lines say what failed
                self.study.failed(task, error)


class Commands:
    """Runs the program for a task, on its worker's device."""

    def __init__(self, study, name, device):
        self.study, self.name, self.device = study, name, device
        self.root = study.root

    def t3video(self, *words, on_device=False, env=None):
        more = ['--device', self.device] if on_device else []
        self.run(self.study.program, *words, *more, env=env)

    def run(self, *words, env=None):
        log = self.root / 'logs' / f'{self.name}.log'
        with open(log, 'a') as out:
            print('$', *words, file=out, flush=True)
            process = subprocess.Popen([str(w) for w in words], stdout=out, stderr=subprocess.STDOUT, cwd=self.root,
                                       stdin=subprocess.DEVNULL, start_new_session=True,
                                       env={**os.environ, **(env or {})})
            interrupted = False
            while process.poll() is None:
                if self.study.stop.wait(0.2) and not interrupted:
                    process.send_signal(signal.SIGINT)  # training saves and ends
                    interrupted = True
        if interrupted:
            raise Stopped
        if process.returncode != 0:
            raise RuntimeError(f'{log}: ' + log.read_text(errors='replace').strip().splitlines()[-1][:300])


class Study:
    def __init__(self, args):
        self.root, self.program = args.folder.resolve(), args.program.resolve()
        self.stop, self.lock = threading.Event(), threading.Condition()
        for name in ('logs', 'done'):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        self.tasks = plan.tasks_of(self.root, [int(s) for s in args.seeds.split(',')])
        self.done = {p.name for p in (self.root / 'done').iterdir()}
        self.tasks = [t for t in self.tasks if t.name not in self.done]
        self.busy, self.troubles = set(), []

    def next_task(self, device):
        """Blocks until one is ready; none where all are done, or what is left waits for what failed."""
        with self.lock:
            while not self.stop.is_set():
                ready = [t for t in self.tasks if all(n in self.done for n in t.needs)]
                for task in ready:
                    if task.on_device == (device != 'cpu'):
                        self.tasks.remove(task)
                        self.busy.add(task.name)
                        return task
                if not ready and not self.busy:
                    return None
                self.lock.wait(1)
        return None

    def finished(self, task, seconds):
        (self.root / 'done' / task.name).write_text(f'{seconds:.1f}\n')
        with self.lock:
            self.done.add(task.name)
            self.busy.discard(task.name)
            print(f'{task.name}: {seconds:.0f} s, {len(self.tasks)} tasks left', flush=True)
            self.lock.notify_all()

    def put_back(self, task):
        with self.lock:
            self.busy.discard(task.name)
            self.tasks.append(task)
            self.lock.notify_all()

    def failed(self, task, error):
        with self.lock:
            self.busy.discard(task.name)
            self.troubles.append(f'{task.name}: {error}')
            print(f'failed: {task.name}: {error}', flush=True)
            self.lock.notify_all()

    def run(self, devices, jobs, cpu_jobs, minutes):
        workers = [Worker(self, d) for d in devices for _ in range(jobs)]
        workers += [Worker(self, 'cpu') for _ in range(cpu_jobs)]
        for worker in workers:
            worker.start()
        end = time.time() + minutes * 60
        while any(w.is_alive() for w in workers) and time.time() < end:
            time.sleep(0.5)
        self.stop.set()
        for worker in workers:
            worker.join()
        print(f'{len(self.done)} tasks done, {len(self.tasks)} left, {len(self.troubles)} failed')
        return 1 if self.troubles else 0 if not self.tasks else 3


def main():
    parser = argparse.ArgumentParser(description='The paper\'s ablations in small.')
    parser.add_argument('folder', type=Path, help='of the whole study; some 10 GB')
    parser.add_argument('--program', type=Path, required=True, help='t3video')
    parser.add_argument('--devices', default='cuda', help='such as cuda:0,cuda:1')
    parser.add_argument('--seeds', default='0,1', help='of training and of films')
    parser.add_argument('--minutes', type=float, default=1e6, help='then stop; the same command goes on')
    parser.add_argument('--jobs', type=int, default=2, help='runs at once on each device: small ones leave it idle')
    parser.add_argument('--cpu-jobs', type=int, default=max(1, (os.cpu_count() or 2) - 2))
    args = parser.parse_args()
    study = Study(args)
    signal.signal(signal.SIGINT, lambda *_: study.stop.set())
    status = study.run(args.devices.split(','), args.jobs, args.cpu_jobs, args.minutes)
    (study.root / 'points.json').write_text(json.dumps(plan.described(study.root, [int(s) for s in
                                                                                    args.seeds.split(',')]), indent=1))
    return status


if __name__ == '__main__':
    sys.exit(main())
