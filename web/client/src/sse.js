// The event stream format, by the HTML standard (section 9.2.6), strictly and for any split of bytes.

const LONGEST = 1 << 20; // characters of one message; ours have a few thousand at most

/**
 * `push(bytes)` gives the messages that are complete now: `{id, event, data}`. `lastId` and `retry`
 * (ms) are the stream's so far. What a cut leaves incomplete is dropped, as the standard says.
 */
export class EventStreamParser {
  lastId = "";
  retry = undefined;
  #decoder = new TextDecoder(); // takes the byte order mark off
  #rest = "";
  #afterCr = false;
  #data = [];
  #size = 0;
  #event = "";
  #id = "";

  push(bytes) {
    let text = this.#decoder.decode(bytes, { stream: true });
    if (this.#afterCr && text) {
      if (text[0] === "\n") text = text.slice(1);
      this.#afterCr = false;
    }
    const messages = [];
    const lines = (this.#rest + text).split(/\r\n|\r|\n/);
    this.#rest = lines.pop();
    // A CR at the very end has ended its line; the LF of the pair may still be on its way.
    this.#afterCr ||= text.endsWith("\r");
    for (const line of lines) this.#line(line, messages);
    if (this.#size + this.#rest.length > LONGEST) throw new RangeError("message too long");
    return messages;
  }

  #line(line, messages) {
    if (line === "") return this.#dispatch(messages);
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    this.#field(name, value);
  }

  #field(name, value) {
    if (name === "data") {
      this.#data.push(value);
      this.#size += value.length;
    } else if (name === "event") {
      this.#event = value;
    } else if (name === "id") {
      if (!value.includes("\0")) this.#id = value;
    } else if (name === "retry" && /^[0-9]+$/.test(value)) {
      this.retry = Number(value);
    }
  }

  #dispatch(messages) {
    this.lastId = this.#id; // only now: an id without its empty line was cut off
    if (this.#data.length) {
      messages.push({ id: this.lastId, event: this.#event || "message", data: this.#data.join("\n") });
    }
    this.#data = [];
    this.#size = 0;
    this.#event = "";
  }
}
