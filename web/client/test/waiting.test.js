import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { backOff, linked, orAborted, sleep } from "../src/waiting.js";

const least = () => 0;
const most = () => 1 - Number.EPSILON;

test("the back-off doubles from what the server asked for, to 30 s", () => {
  const delays = [1, 2, 3, 4, 5, 6, 7, 1000].map((failures) => backOff(failures, 1000, least));
  assert.deepEqual(delays, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
});

test("the back-off is never sooner than the server asked for, not even beyond 30 s", () => {
  for (const failures of [0, 1, 2, 50]) assert.ok(backOff(failures, 45_000, least) >= 45_000);
});

test("no wait is longer than five minutes, whatever is asked for", () => {
  for (const floor of [300_000, 1e10, Infinity]) assert.equal(backOff(1, floor, most), 300_000);
});

test("a floor of nothing, or that is no time, is no reason to ask without a pause", () => {
  for (const floor of [0, -5000, NaN]) assert.deepEqual([1, 3].map((failures) => backOff(failures, floor, least)), [1000, 4000]);
});

test("a time that timers cannot hold is not over at once", async () => {
  const timers = mock.method(globalThis, "setTimeout");
  try {
    const controller = new AbortController();
    const asleep = [2 ** 31, 1e12, Infinity].map((ms) => sleep(ms, controller.signal));
    assert.deepEqual(timers.mock.calls.map(({ arguments: [, ms] }) => ms), [300_000, 300_000, 300_000]);
    controller.abort(new Error("enough"));
    for (const sleeping of asleep) await assert.rejects(sleeping, /enough/);
  } finally {
    timers.mock.restore();
  }
});

test("chance adds up to half, so that not everybody comes back at once", () => {
  assert.equal(backOff(1, 1000, most), 1500);
  const delays = new Set(Array.from({ length: 50 }, () => backOff(3, 1000)));
  assert.ok(delays.size > 10);
  for (const delay of delays) assert.ok(delay >= 4000 && delay <= 6000);
});

test("sleeping ends at once when aborted, with the signal's reason", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  setTimeout(() => controller.abort(reason), 5);
  await assert.rejects(sleep(60_000, controller.signal), reason);
  await assert.rejects(sleep(60_000, controller.signal), reason);
});

test("sleeping ends at once when the browser is online again", async () => {
  const page = new EventTarget();
  globalThis.addEventListener = page.addEventListener.bind(page);
  globalThis.removeEventListener = page.removeEventListener.bind(page);
  try {
    setTimeout(() => page.dispatchEvent(new Event("online")), 5);
    const begun = performance.now();
    await sleep(60_000);
    assert.ok(performance.now() - begun < 5000);
  } finally {
    delete globalThis.addEventListener;
    delete globalThis.removeEventListener;
  }
});

test("a linked signal follows the outer one until it is released", () => {
  const [first, second] = [new AbortController(), new AbortController()];
  const followed = linked(first.signal);
  const released = linked(second.signal);
  released.release();
  first.abort("a");
  second.abort("b");
  assert.equal(followed.signal.reason, "a");
  assert.equal(released.signal.aborted, false);
  assert.equal(linked(first.signal).signal.reason, "a");
});

test("whoever waits for a wallet may give up", async () => {
  const never = new Promise(() => {});
  const reason = new Error("left");
  await assert.rejects(orAborted(never, AbortSignal.abort(reason)), reason);
  assert.equal(await orAborted(Promise.resolve(7), new AbortController().signal), 7);
});
