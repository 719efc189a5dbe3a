/** What the names in generated requests stand for: users, pictures and conversions of this run. */
import { ApiClient, ApiError, type Conversion, type Image, newPhone } from "../api-client.ts";
import { type Account, Accounts, type Challenge, PASSWORD } from "./accounts.ts";
import { grantWishes } from "./operator.ts";
import { drawPictures, type PictureName } from "./pictures.ts";
import type { Service } from "./service.ts";

const LETTERS = 16;
/** Access tokens of a usual deployment last ten minutes. */
const TOKEN_AGE_MS = 8 * 60_000;

/** The one acting: somebody who stays, somebody made for this request, an admin, or nobody. */
export type Who = "main" | "fresh" | "admin" | "nobody";

interface Keeper {
  account: Account;
  signedInAt: number;
}

export class World {
  readonly service: Service;
  readonly accounts: Accounts;
  readonly pictures: Readonly<Record<PictureName, Buffer>>;
  readonly #kept = new Map<"main" | "other" | "admin", Keeper>();
  readonly #shared = new Map<string, Promise<string>>();
  readonly #letters: string[] = [];

  private constructor(service: Service, pictures: Readonly<Record<PictureName, Buffer>>) {
    this.service = service;
    this.accounts = new Accounts(service);
    this.pictures = pictures;
  }

  /** Makes the users that stay, and what of theirs does. */
  static async open(service: Service): Promise<World> {
    const world = new World(service, await drawPictures());
    world.#kept.set("main", { account: await world.accounts.signUp(), signedInAt: Date.now() });
    world.#kept.set("other", { account: await world.accounts.signUp(), signedInAt: Date.now() });
    if (service.stateDir !== null) await world.#grantWishes(service.stateDir);
    return world;
  }

  get hasAdmin(): boolean {
    return this.#kept.has("admin");
  }

  async account(name: "main" | "other" | "admin"): Promise<Account> {
    const keeper = this.#kept.get(name);
    if (keeper === undefined) throw new Error(`there is no ${name} here`);
    if (Date.now() - keeper.signedInAt > TOKEN_AGE_MS) {
      keeper.account = await this.accounts.logIn(keeper.account);
      keeper.signedInAt = Date.now();
    }
    return keeper.account;
  }

  async client(name: "main" | "other" | "admin"): Promise<ApiClient> {
    return new ApiClient(this.service.url, (await this.account(name)).accessToken);
  }

  /** The value of a name that stays the same over the run. */
  shared(name: string, make: () => Promise<string>): Promise<string> {
    const known = this.#shared.get(name);
    if (known !== undefined) return known;
    const made = make();
    this.#shared.set(name, made);
    return made;
  }

  async upload(client: ApiClient, kind: "person" | "garment" | "style"): Promise<Image> {
    const form = new FormData();
    form.set("kind", kind);
    form.set("file", new Blob([new Uint8Array(this.pictures[kind])]), "picture");
    return client.call<Image>("POST", "/api/images", { form });
  }

  image(who: "main" | "other", kind: "person" | "garment" | "style"): Promise<string> {
    return this.shared(`${who} ${kind}`, async () => (await this.upload(await this.client(who), kind)).id);
  }

  async convert(who: "main" | "other"): Promise<Conversion> {
    const personImageId = await this.image(who, "person");
    return (await this.client(who)).convert({ kind: "style", personImageId, stylePreset: "sketch" });
  }

  /** One that ended without a result: on a fast machine it takes a few tries to be quicker than the picture. */
  async canceled(who: "main" | "other"): Promise<string> {
    const client = await this.client(who);
    for (let attempt = 0; attempt < 10; attempt++) {
      const { id } = await this.convert(who);
      try {
        await client.call("POST", `/api/conversions/${id}/cancel`);
        return id;
      } catch (error) {
        if (!(error instanceof ApiError && error.status === 409)) throw error;
      }
    }
    throw new Error("no conversion could be canceled before it ended");
  }

  done(who: "main" | "other"): Promise<string> {
    return this.shared(`${who} done`, async () => {
      const { id } = await this.convert(who);
      await (await this.client(who)).waitFor(id, 60_000);
      return id;
    });
  }

  /** An admin, and letters in his queue. */
  async #grantWishes(stateDir: string): Promise<void> {
    const account = await this.accounts.signUp();
    const conversionIds = await Promise.all(Array.from({ length: LETTERS }, () => this.canceled("other")));
    this.#letters.push(...(await grantWishes(stateDir, { adminId: account.userId, conversionIds })));
    this.#kept.set("admin", { account: await this.accounts.logIn(account), signedInAt: Date.now() });
  }

  letter(): string {
    return this.#letters.shift() ?? "dlt_00000000000000000000000000";
  }
}

/** What is made for one request alone. */
export class Scene {
  readonly #world: World;
  #fresh: Promise<Account> | undefined;
  readonly #made = new Map<string, Promise<string>>();
  readonly #challenges = new Map<string, Promise<Challenge>>();

  constructor(world: World) {
    this.#world = world;
  }

  fresh(): Promise<Account> {
    this.#fresh ??= this.#world.accounts.signUp();
    return this.#fresh;
  }

  /** Puts values in place of all names in a text. @throws {Error} for a name that stands for nothing. */
  async fill(text: string): Promise<string> {
    const names = new Set(Array.from(text.matchAll(/\{\{([\w.-]+)\}\}/g), ([, name = ""]) => name));
    let filled = text;
    for (const name of names) filled = filled.replaceAll(`{{${name}}}`, await this.#value(name));
    return filled;
  }

  #value(name: string): Promise<string> {
    const known = this.#made.get(name);
    if (known !== undefined) return known;
    const make = VALUES[name];
    if (make === undefined) throw new Error(`nothing is called {{${name}}}`);
    const made = make(this.#world, this);
    this.#made.set(name, made);
    return made;
  }

  challenge(purpose: "register" | "login"): Promise<Challenge> {
    const known = this.#challenges.get(purpose);
    if (known !== undefined) return known;
    const made = this.#world.accounts.challenge(purpose);
    this.#challenges.set(purpose, made);
    return made;
  }
}

type Maker = (world: World, scene: Scene) => Promise<string>;

/** Its parts are asked for one by one, and belong together. */
const signedUrls = new WeakMap<World, { readonly url: URL; readonly until: number }>();
const SIGNED_URL_AGE_MS = 60_000;

async function signedUrl(world: World): Promise<URL> {
  const known = signedUrls.get(world);
  if (known !== undefined && Date.now() < known.until) return known.url;
  const id = await world.image("main", "person");
  const image = await (await world.client("main")).call<Image>("GET", `/api/images/${id}`);
  const url = new URL(image.url, world.service.url);
  signedUrls.set(world, { url, until: Date.now() + SIGNED_URL_AGE_MS });
  return url;
}

const kept =
  (kind: "person" | "garment" | "style"): Maker =>
  (world) =>
    world.image("main", kind);

async function cursor(world: World, who: "main" | "admin", path: string): Promise<string> {
  const { nextCursor } = await (await world.client(who)).call<{ nextCursor: string | null }>("GET", path);
  return nextCursor ?? "none";
}

async function circuit(world: World): Promise<string> {
  const list = await (await world.client("admin")).call<{ items: { circuit: string }[] }>("GET", "/api/admin/circuits");
  return list.items[0]?.circuit ?? "none";
}

async function disabled(world: World): Promise<string> {
  const { userId } = await world.accounts.signUp();
  await (await world.client("admin")).call("POST", `/api/admin/users/${userId}/disable`);
  return userId;
}

/** Every name there is. */
const VALUES: Readonly<Record<string, Maker>> = {
  "image.person": kept("person"),
  "image.garment": kept("garment"),
  "image.style": kept("style"),
  "image.other": (world) => world.image("other", "person"),
  "image.fresh": async (world) => (await world.upload(await world.client("main"), "garment")).id,
  "conversion.done": (world) => world.done("main"),
  "conversion.other": (world) => world.shared("other canceled", () => world.canceled("other")),
  "conversion.fresh": async (world) => (await world.convert("main")).id,
  "conversion.canceled": (world) => world.canceled("main"),
  "conversion.kept": (world) => world.shared("main canceled", () => world.canceled("main")),
  "session.fresh": async (_, scene) => (await scene.fresh()).sessionId,
  "session.other": async (world) => (await world.account("other")).sessionId,
  "refresh.fresh": async (_, scene) => (await scene.fresh()).refreshToken,
  "phone.new": async () => newPhone(),
  "phone.fresh": async (_, scene) => (await scene.fresh()).phone,
  password: async () => PASSWORD,
  "otp.phone": async (_, scene) => (await scene.challenge("register")).phone,
  "otp.challenge": async (_, scene) => (await scene.challenge("register")).challengeId,
  "otp.code": async (_, scene) => (await scene.challenge("register")).code,
  "verified.register": (world) => world.accounts.verified("register"),
  "verified.login": async (world, scene) => world.accounts.verified("login", (await scene.fresh()).phone),
  "verified.reset": async (world, scene) => world.accounts.verified("password_reset", (await scene.fresh()).phone),
  "user.fresh": async (_, scene) => (await scene.fresh()).userId,
  "user.admin": async (world) => (await world.account("admin")).userId,
  "user.vendor": async (world) => (await world.accounts.signUp("vendor")).userId,
  "user.disabled": disabled,
  circuit: circuit,
  letter: async (world) => world.letter(),
  "cursor.images": async (world) => {
    await Promise.all([world.image("main", "person"), world.image("main", "garment")]);
    return cursor(world, "main", "/api/images?limit=1");
  },
  "cursor.styles": (world) => cursor(world, "main", "/api/styles?limit=1"),
  "cursor.users": (world) => cursor(world, "admin", "/api/admin/users?limit=1"),
  "signed.exp": async (world) => (await signedUrl(world)).searchParams.get("exp") ?? "",
  "signed.sig": async (world) => (await signedUrl(world)).searchParams.get("sig") ?? "",
};
