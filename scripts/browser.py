# SPDX-License-Identifier: GPL-2.0
"""browser.py - a browser in which a test opens a page.

A module of test-report.py. Chromium without a window, driven by its own protocol
(DevTools) over two pipes: no port, no driver, nothing but the package chromium. What
the page says on the console, throws, and asks of the network is kept.
"""
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

# What is drawn, and what a page does when it is scrolled, is done after two frames.
SETTLED = 'await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))'
# How long a step may take that takes milliseconds; machines are shared.
PATIENCE = 120
FLAGS = ('--headless=new', '--no-sandbox', '--disable-gpu', '--hide-scrollbars',
         '--disable-dev-shm-usage', '--no-first-run', '--disable-extensions',
         '--disable-background-networking', '--disable-component-update',
         '--disable-sync', '--disable-default-apps', '--force-color-profile=srgb',
         '--remote-debugging-pipe')
MISSING = 'chromium is missing: run scripts/setup.sh check'


class Failure(AssertionError):
    """What the browser did not do, or the page did wrongly."""


class Browser:
    """One page in one browser, until close()."""

    def __init__(self, width=1280, height=900):
        program = shutil.which('chromium')
        if not program:
            raise Failure(MISSING)
        self.home = tempfile.mkdtemp()
        command, answer = os.pipe(), os.pipe()
        # The browser has the ends as 3 and 4.
        self.child = subprocess.Popen(
            ['sh', '-c', 'exec "$@" 3<&%d 4>&%d' % (command[0], answer[1]), 'sh',
             program, *FLAGS, '--user-data-dir=' + self.home,
             '--window-size=%d,%d' % (width, height), 'about:blank'],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, pass_fds=(command[0], answer[1]),
            start_new_session=True, env=dict(os.environ, HOME=self.home))
        os.close(command[0])
        os.close(answer[1])
        self.out, self.back = command[1], answer[0]
        self.rest, self.number, self.session = b'', 0, None
        self.events, self.complaints, self.requests = [], [], []
        try:
            self.attach()
        except BaseException:
            self.close()
            raise

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()
        os.close(self.out)
        os.close(self.back)
        shutil.rmtree(self.home, ignore_errors=True)

    def attach(self):
        pages = self.send('Target.getTargets')['targetInfos']
        page = next(target for target in pages if target['type'] == 'page')
        self.session = self.send('Target.attachToTarget', flatten=True,
                                 targetId=page['targetId'])['sessionId']
        for domain in ('Page', 'Runtime', 'Log', 'Network'):
            self.send(domain + '.enable')

    def read(self, end):
        """The next message."""
        while b'\0' not in self.rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.back], [], [], left)[0]:
                raise Failure('the browser does not answer')
            data = os.read(self.back, 1 << 20)
            if not data:
                raise Failure('the browser ended')
            self.rest += data
        message, _, self.rest = self.rest.partition(b'\0')
        return json.loads(message)

    def note(self, message):
        """Keeps what happened."""
        name, about = message['method'], message['params']
        self.events.append(name)
        if name == 'Runtime.exceptionThrown':
            self.complaints.append(json.dumps(about['exceptionDetails']))
        elif name == 'Log.entryAdded':
            self.complaints.append(json.dumps(about['entry']))
        elif name == 'Runtime.consoleAPICalled':
            self.complaints.append(json.dumps(about['args']))
        elif name == 'Network.requestWillBeSent':
            self.requests.append(about['request']['url'])

    def send(self, method, **params):
        """The result of a command."""
        self.number += 1
        message = {'id': self.number, 'method': method, 'params': params}
        if self.session:
            message['sessionId'] = self.session
        os.write(self.out, json.dumps(message).encode() + b'\0')
        end = time.monotonic() + PATIENCE
        while True:
            found = self.read(end)
            if found.get('id') == self.number:
                if 'error' in found:
                    raise Failure('%s: %s' % (method, found['error']['message']))
                return found['result']
            if 'method' in found:
                self.note(found)

    def open(self, path):
        """Shows a file and waits until it is there."""
        self.events, self.complaints, self.requests = [], [], []
        self.send('Page.navigate', url='file:' + os.path.abspath(path))
        end = time.monotonic() + PATIENCE
        while 'Page.loadEventFired' not in self.events:
            found = self.read(end)
            if 'method' in found:
                self.note(found)
        self.run('(async () => { %s; })()' % SETTLED)

    def run(self, script):
        """The value of an expression in the page, of a promise once it is kept."""
        found = self.send('Runtime.evaluate', expression=script, returnByValue=True,
                          awaitPromise=True)
        if 'exceptionDetails' in found:
            raise Failure('%s: %s' % (script, found['exceptionDetails']))
        return found['result'].get('value')

    def place(self, selector):
        """Scrolls to an element: its left, top, width and height."""
        found = self.run('''(async () => {
            const one = document.querySelector(%s);
            if (!one)
                return null;
            one.scrollIntoView({ block: 'center', inline: 'nearest' });
            %s;
            const box = one.getBoundingClientRect();
            return [box.left, box.top, box.width, box.height];
        })()''' % (json.dumps(selector), SETTLED))
        if not found:
            raise Failure('nothing is ' + selector)
        return found

    def mouse(self, kind, x, y, **more):
        self.send('Input.dispatchMouseEvent', type=kind, x=x, y=y, **more)

    def hover(self, selector, x=None, y=None):
        """Moves the mouse over an element: its middle, or so far into it."""
        left, top, width, height = self.place(selector)
        spot = (left + (width / 2 if x is None else x),
                top + (height / 2 if y is None else y))
        self.mouse('mouseMoved', *spot)
        return spot

    def click(self, selector):
        spot = self.hover(selector)
        for kind in ('mousePressed', 'mouseReleased'):
            self.mouse(kind, *spot, button='left', clickCount=1)

    def type(self, selector, text):
        """Types into a field that was empty or is selected."""
        self.click(selector)
        self.send('Input.insertText', text=text)

    def key(self, name):
        for kind in ('keyDown', 'keyUp'):
            self.send('Input.dispatchKeyEvent', type=kind, key=name, code=name,
                      windowsVirtualKeyCode={'Enter': 13, 'Escape': 27, 'ArrowLeft': 37,
                                             'ArrowRight': 39, 'ArrowDown': 40}[name],
                      **({'text': '\r'} if name == 'Enter' and kind == 'keyDown' else {}))

    def theme(self, name):
        """light or dark"""
        self.send('Emulation.setEmulatedMedia', features=[
            {'name': 'prefers-color-scheme', 'value': name}])

    def picture(self):
        """The PNG of what the window shows, in base64."""
        return self.send('Page.captureScreenshot', format='png')['data']
