/** CPU profiles of an isolate, through workerd's inspector. */

export interface ProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly scriptId: string;
    readonly url: string;
    /** From 0. */
    readonly lineNumber: number;
  };
  readonly children?: readonly number[];
}

export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

export class Inspector {
  readonly #socket: WebSocket;
  #id = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  static async open(url: string): Promise<Inspector> {
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = () => reject(new Error(`no inspector at ${url}`));
    });
    return new Inspector(socket);
  }

  /** What the isolate does while `work` runs. */
  async profile(sampleEveryUs: number, work: () => Promise<void>): Promise<CpuProfile> {
    await this.#send("Profiler.enable");
    await this.#send("Profiler.setSamplingInterval", { interval: sampleEveryUs });
    await this.#send("Profiler.start");
    await work();
    return (await this.#send<{ profile: CpuProfile }>("Profiler.stop")).profile;
  }

  /** The text of every script the isolate has, by id. The debugger slows it down: profile before. */
  async sources(): Promise<Map<string, string>> {
    const ids: string[] = [];
    const listen = ({ data }: MessageEvent<string>) => {
      const { method, params }: { method?: string; params?: { scriptId: string } } = JSON.parse(data);
      if (method === "Debugger.scriptParsed" && params !== undefined) ids.push(params.scriptId);
    };
    this.#socket.addEventListener("message", listen);
    await this.#send("Debugger.enable");
    this.#socket.removeEventListener("message", listen);
    const sources = new Map<string, string>();
    for (const scriptId of ids) {
      const { scriptSource } = await this.#send<{ scriptSource: string }>("Debugger.getScriptSource", { scriptId });
      sources.set(scriptId, scriptSource);
    }
    return sources;
  }

  close(): void {
    this.#socket.close();
  }

  async #send<T>(method: string, params: object = {}): Promise<T> {
    const id = ++this.#id;
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void) => {
        this.#socket.removeEventListener("message", listen);
        this.#socket.removeEventListener("close", fail);
        settle();
      };
      const fail = () => finish(() => reject(new Error(`${method}: the inspector is gone`)));
      const listen = ({ data }: MessageEvent<string>) => {
        const message: { id?: number; result?: T; error?: { message: string } } = JSON.parse(data);
        if (message.id !== id) return;
        const { error } = message;
        finish(() => (error ? reject(new Error(`${method}: ${error.message}`)) : resolve(message.result as T)));
      };
      this.#socket.addEventListener("message", listen);
      this.#socket.addEventListener("close", fail);
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }
}
