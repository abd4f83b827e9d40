// Base64, base58, and the head of a Solana transaction.

const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

export const utf8 = (text) => new TextEncoder().encode(text);

export function toBase64(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

export const fromBase64 = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));

/** Leading zero bytes become leading `1`s. */
export function toBase58(bytes) {
  let number = 0n;
  for (const byte of bytes) number = number * 256n + BigInt(byte);
  let text = "";
  for (; number > 0n; number /= 58n) text = ALPHABET[Number(number % 58n)] + text;
  const zeros = bytes.findIndex((byte) => byte !== 0);
  return "1".repeat(zeros < 0 ? bytes.length : zeros) + text;
}

/**
 * The parts of a wire transaction, legacy or version 0: how many signatures it holds, where the
 * first one begins, the message that is signed, and whose signatures it wants, in order.
 * RangeError for bytes that are no transaction.
 */
export function readTransaction(bytes) {
  const [count, first] = compactU16(bytes, 0);
  const message = bytes.subarray(first + 64 * count);
  const head = message[0] & 0x80 ? 1 : 0; // a version's prefix has the high bit
  const [keys, firstKey] = compactU16(message, head + 3);
  const required = message[head];
  if (required !== count || keys < count || message.length < firstKey + 32 * keys) {
    throw new RangeError("not a transaction");
  }
  const key = (index) => message.subarray(firstKey + 32 * index, firstKey + 32 * (index + 1));
  const signers = Array.from({ length: count }, (_, index) => toBase58(key(index)));
  return { count, first, message, signers };
}

/** Solana's length prefix: [value, where what follows begins]. */
function compactU16(bytes, at) {
  let value = 0;
  for (let shift = 0; shift <= 14; shift += 7) {
    const byte = bytes[at++];
    if (byte === undefined) throw new RangeError("not a transaction");
    value |= (byte & 0x7f) << shift;
    if (!(byte & 0x80)) return [value, at];
  }
  throw new RangeError("not a transaction");
}

/** A copy with `signature` in the place of `address`; RangeError when it has none. */
export function withSignature(bytes, address, signature) {
  const { first, signers } = readTransaction(bytes);
  const place = signers.indexOf(address);
  if (place < 0) throw new RangeError(`${address} is no signer of this transaction`);
  const signed = Uint8Array.from(bytes);
  signed.set(signature, first + 64 * place);
  return signed;
}
