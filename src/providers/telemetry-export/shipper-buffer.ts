/** An item in the words of the other system. */
export interface EncodedItem {
  /** What belongs together in a push: the JSON text of a stream's labels, or of a resource. */
  readonly group: string;
  /** Sorts the items of a group. */
  readonly order: string;
  readonly json: string;
}

interface Entry extends EncodedItem {
  readonly bytes: number;
}

export interface Batch {
  /** Oldest first. */
  readonly entries: Entry[];
  readonly since: number;
}

export interface BufferLimits {
  readonly maxItems: number;
  readonly maxBytes: number;
  readonly batchItems: number;
  readonly batchBytes: number;
}

const utf8 = new TextEncoder();

/**
 * Items on their way, oldest first: a batch that is tried until it has arrived, and what came after it. As large as its
 * limits, however long nothing can be sent.
 */
export class ShipperBuffer {
  readonly #limits: BufferLimits;
  readonly #waiting: Entry[] = [];
  #waitingBytes = 0;
  #batch: Batch | null = null;
  #batchBytes = 0;
  #oldestAt = 0;

  constructor(limits: BufferLimits) {
    this.#limits = limits;
  }

  get batch(): Batch | null {
    return this.#batch;
  }

  get isEmpty(): boolean {
    return this.#batch === null && this.#waiting.length === 0;
  }

  /** Whether what waits fills a batch. */
  get isFull(): boolean {
    return this.#waiting.length >= this.#limits.batchItems || this.#waitingBytes >= this.#limits.batchBytes;
  }

  /** Since when the oldest of what waits has been there. */
  get oldestAt(): number {
    return this.#oldestAt;
  }

  /** Adds an item, and gives how many others had to go for it. A batch that is on the wire stays. */
  add(item: EncodedItem, now: number, batchIsOnTheWire: boolean): number {
    const entry = { ...item, bytes: utf8.encode(item.group).byteLength + utf8.encode(item.json).byteLength };
    if (this.#waiting.length === 0) this.#oldestAt = now;
    this.#waiting.push(entry);
    this.#waitingBytes += entry.bytes;
    let dropped = 0;
    while (this.#isOver() && this.#dropOldest(batchIsOnTheWire)) dropped++;
    return dropped;
  }

  /** The batch that is to be sent: the one that has not arrived yet, else a new one; null when there is nothing. */
  nextBatch(now: number): Batch | null {
    if (this.#batch !== null || this.#waiting.length === 0) return this.#batch;
    const { batchItems, batchBytes } = this.#limits;
    let bytes = 0;
    let count = 0;
    for (const entry of this.#waiting) {
      if (count === batchItems || (count > 0 && bytes + entry.bytes > batchBytes)) break;
      bytes += entry.bytes;
      count++;
    }
    this.#waitingBytes -= bytes;
    this.#batchBytes = bytes;
    this.#batch = { entries: this.#waiting.splice(0, count), since: now };
    return this.#batch;
  }

  /** The batch is over, whatever became of it: how many items it had. */
  closeBatch(): number {
    const count = this.#batch?.entries.length ?? 0;
    this.#batch = null;
    this.#batchBytes = 0;
    return count;
  }

  #isOver(): boolean {
    const items = this.#waiting.length + (this.#batch?.entries.length ?? 0);
    return items > this.#limits.maxItems || this.#waitingBytes + this.#batchBytes > this.#limits.maxBytes;
  }

  #dropOldest(batchIsOnTheWire: boolean): boolean {
    if (this.#batch !== null && !batchIsOnTheWire) {
      this.#batchBytes -= this.#batch.entries.shift()?.bytes ?? 0;
      if (this.#batch.entries.length === 0) this.closeBatch();
      return true;
    }
    const oldest = this.#waiting.shift();
    this.#waitingBytes -= oldest?.bytes ?? 0;
    return oldest !== undefined;
  }
}
