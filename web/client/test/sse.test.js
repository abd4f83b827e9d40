import assert from "node:assert/strict";
import { test } from "node:test";

import { utf8 } from "../src/bytes.js";
import { EventStreamParser } from "../src/sse.js";

const parse = (...chunks) => {
  const parser = new EventStreamParser();
  const messages = chunks.flatMap((chunk) => parser.push(chunk));
  return { messages, lastId: parser.lastId, retry: parser.retry };
};
const text = (stream) => parse(utf8(stream));
const data = (stream) => text(stream).messages.map((message) => message.data);

const STREAM =
  "\uFEFFretry: 2500\r\nid: 3\r\ndata: {\"a\":\"ä€😀\"}\r\n\r\n: a comment\n\nid: 4\rdata:one\rdata: two\r\r" +
  "event: other\nid: 5\ndata\n\nunknown: x\nid: 6\ndata:  spaced\n\nid: 7\ndata: cut off";
const EXPECTED = {
  messages: [
    { id: "3", event: "message", data: '{"a":"ä€😀"}' },
    { id: "4", event: "message", data: "one\ntwo" },
    { id: "5", event: "other", data: "" },
    { id: "6", event: "message", data: " spaced" },
  ],
  lastId: "6",
  retry: 2500,
};

test("a stream is read by the standard's rules", () => {
  assert.deepEqual(text(STREAM), EXPECTED);
});

test("a stream gives the same messages however its bytes are split in two", () => {
  const bytes = utf8(STREAM);
  for (let at = 0; at <= bytes.length; at++) {
    assert.deepEqual(parse(bytes.subarray(0, at), bytes.subarray(at)), EXPECTED, `split at ${at}`);
  }
});

test("a stream gives the same messages however its bytes are split in three", () => {
  const bytes = utf8("id: 1\r\ndata: é\r\n\r\n\rdata: b\r\r\n\ndata: c\n\n");
  const whole = parse(bytes);
  assert.deepEqual(whole.messages.map((message) => message.data), ["é", "b", "c"]);
  for (let a = 0; a <= bytes.length; a++) {
    for (let b = a; b <= bytes.length; b++) {
      assert.deepEqual(parse(bytes.subarray(0, a), bytes.subarray(a, b), bytes.subarray(b)), whole, `${a} ${b}`);
    }
  }
});

test("a line end of two characters is one, even split between them", () => {
  const bytes = utf8("data: a\r\ndata: b\r\n\r\n");
  for (let at = 0; at <= bytes.length; at++) {
    const { messages } = parse(bytes.subarray(0, at), bytes.subarray(at));
    assert.deepEqual(messages.map((message) => message.data), ["a\nb"], `split at ${at}`);
  }
});

test("a stream gives the same messages byte by byte", () => {
  assert.deepEqual(parse(...Array.from(utf8(STREAM), (byte) => Uint8Array.of(byte))), EXPECTED);
});

test("what a cut leaves without its empty line is no message, and its id no id", () => {
  assert.deepEqual(text("id: 1\ndata: a\n\nid: 2\ndata: b\n"), {
    messages: [{ id: "1", event: "message", data: "a" }],
    lastId: "1",
    retry: undefined,
  });
});

test("an id stays until the next one, and one with a NUL is ignored", () => {
  const { messages } = text("id: 1\ndata: a\n\ndata: b\n\nid: x\0y\ndata: c\n\nid\ndata: d\n\n");
  assert.deepEqual(messages.map((message) => message.id), ["1", "1", "1", ""]);
});

test("a retry that is no number is ignored", () => {
  assert.equal(text("retry: 100\nretry: 1e3\nretry: -1\nretry:\n\n").retry, 100);
});

test("comments and fields without data make no message", () => {
  assert.deepEqual(data(":\n\n: x\n\nid: 9\n\nevent: a\n\ndata: b\n\n"), ["b"]);
});

test("only one space after the colon is taken off, and a colon may be part of the value", () => {
  assert.deepEqual(data("data:a\ndata: b\ndata:  c\ndata: d: e\n\n"), ["a\nb\n c\nd: e"]);
});

test("a message without an end is refused before it fills the memory", () => {
  const parser = new EventStreamParser();
  const line = utf8(`data: ${"x".repeat(1 << 16)}\n`);
  assert.throws(() => {
    for (let count = 0; count < 100; count++) parser.push(line);
  }, RangeError);
  const endless = new EventStreamParser();
  const piece = utf8("x".repeat(1 << 16));
  assert.throws(() => {
    for (let count = 0; count < 100; count++) endless.push(piece);
  }, RangeError);
});
