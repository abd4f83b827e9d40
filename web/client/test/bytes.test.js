import assert from "node:assert/strict";
import { test } from "node:test";

import { fromBase64, readTransaction, toBase58, toBase64, withSignature } from "../src/bytes.js";
import { ADDRESS, VECTORS, fromHex } from "./transactions.js";

test("base58 is Solana's, leading zeros included", () => {
  for (const [hex, text] of VECTORS.base58) assert.equal(toBase58(fromHex(hex)), text);
  assert.equal(toBase58(new Uint8Array(0)), "");
});

test("base64 goes there and back for every byte", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
  assert.equal(toBase64(bytes), Buffer.from(bytes).toString("base64"));
  assert.deepEqual(fromBase64(toBase64(bytes)), bytes);
});

for (const [name, { unsigned, signed, message, signers }] of Object.entries(VECTORS.transactions)) {
  test(`a ${name} transaction is read as solders reads it`, () => {
    const read = readTransaction(fromBase64(unsigned));
    assert.deepEqual(read.signers, signers);
    assert.equal(toBase64(read.message), message);
  });

  test(`a signature gets its place in a ${name} transaction`, () => {
    const bytes = fromBase64(unsigned);
    const signature = fromBase64(signed).subarray(1, 65);
    assert.equal(toBase64(withSignature(bytes, ADDRESS, signature)), signed);
    assert.equal(toBase64(bytes), unsigned, "the original is left alone");
  });

  test(`half a ${name} transaction is none`, () => {
    const bytes = fromBase64(unsigned);
    for (let length = 0; length < 1 + 64 * signers.length + 5 + 32 * signers.length; length++) {
      assert.throws(() => readTransaction(bytes.subarray(0, length)), RangeError, `${length} bytes`);
    }
  });
}

test("who is no signer cannot sign", () => {
  const { unsigned } = VECTORS.transactions.legacy;
  const stranger = VECTORS.base58[3][1];
  assert.throws(() => withSignature(fromBase64(unsigned), stranger, new Uint8Array(64)), RangeError);
});

test("numbers of signatures that do not fit the message are no transaction", () => {
  const bytes = fromBase64(VECTORS.transactions.legacy.unsigned);
  bytes[0] = 0;
  assert.throws(() => readTransaction(bytes), RangeError);
  assert.throws(() => readTransaction(Uint8Array.of(0xff, 0xff, 0xff, 0xff)), RangeError);
});
