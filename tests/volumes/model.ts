/**
 * The simplest model of volumes: a volume is a list of trees; an invocation works on a copy of the newest; of two that
 * changed the same path, the first to commit wins.
 */

/** Contents of files by path; null for directories. */
export type ModelTree = Map<string, string | null>;

/** A value, or the kind of the error. */
export type Outcome = { readonly value: unknown } | { readonly error: string };

const done: Outcome = { value: undefined };

export function parent(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

function below(tree: ModelTree, directory: string): string[] {
  return [...tree.keys()].filter((path) => path.startsWith(`${directory}/`));
}

/** A volume: its trees, the last of them the newest. */
export class ModelVolume {
  readonly versions: ModelTree[] = [new Map()];
  readonly #lastChange = new Map<string, number>();

  get newest(): ModelTree {
    return this.versions.at(-1) ?? new Map();
  }

  get version(): number {
    return this.versions.length - 1;
  }

  changedSince(path: string, version: number): boolean {
    return (this.#lastChange.get(path) ?? 0) > version;
  }

  /** Makes the next version; the paths are those of the change, also if their files are the same. */
  advance(tree: ModelTree, paths: Iterable<string>): void {
    this.versions.push(tree);
    for (const path of paths) this.#lastChange.set(path, this.version);
  }

  /** A request that writes a file; false for a path conflict. */
  put(path: string, content: string): boolean {
    const tree = new Map(this.newest);
    if (tree.get(path) === null) return false;
    const changed = [path];
    for (let above = parent(path); above !== ""; above = parent(above)) {
      if (typeof tree.get(above) === "string") return false;
      if (!tree.has(above)) changed.push(above);
      tree.set(above, null);
    }
    tree.set(path, content);
    this.advance(tree, changed);
    return true;
  }

  /** A request that deletes; false for a missing file or a path conflict. */
  delete(path: string, recursive: boolean): boolean {
    const inside = below(this.newest, path);
    if (!this.newest.has(path) || (inside.length > 0 && !recursive)) return false;
    const tree = new Map(this.newest);
    for (const each of [path, ...inside]) tree.delete(each);
    this.advance(tree, [path, ...inside]);
    return true;
  }

  restore(version: number): void {
    const [from, to] = [this.newest, this.versions[version] ?? new Map()];
    const changed = [...new Set([...from.keys(), ...to.keys()])]
      .filter((path) => from.get(path) !== to.get(path) || from.has(path) !== to.has(path));
    if (changed.length > 0) this.advance(new Map(to), changed);
  }
}

/** An invocation's view of a volume. */
export class ModelSession {
  readonly base: number;
  readonly #snapshot: ModelTree;
  readonly own: ModelTree;
  /** Paths that it changed; true if creation of the same directory by others is no conflict. */
  readonly #touched = new Map<string, boolean>();

  constructor(private readonly volume: ModelVolume) {
    this.base = volume.version;
    this.#snapshot = volume.newest;
    this.own = new Map(volume.newest);
  }

  /** Why a path does not exist. */
  #absent(path: string): Outcome {
    for (let above = parent(path); above !== ""; above = parent(above)) {
      if (typeof this.own.get(above) === "string") return { error: "NotADirectory" };
    }
    return { error: "NotFound" };
  }

  #parentError(path: string): Outcome | undefined {
    const above = parent(path);
    if (above === "" || this.own.get(above) === null) return undefined;
    return this.own.has(above) ? { error: "NotADirectory" } : this.#absent(above);
  }

  #set(path: string, content: string | null, mayExist = false): void {
    this.own.set(path, content);
    this.#touched.set(path, mayExist);
  }

  #drop(path: string): void {
    this.own.delete(path);
    this.#touched.set(path, false);
  }

  read(path: string): Outcome {
    const content = this.own.get(path);
    if (content === null) return { error: "IsADirectory" };
    return content === undefined ? this.#absent(path) : { value: content };
  }

  list(path: string): Outcome {
    const found = path === "" ? null : this.own.get(path);
    if (typeof found === "string") return { error: "NotADirectory" };
    if (found === undefined) return this.#absent(path);
    const names = below(this.own, path).filter((each) => parent(each) === path);
    return { value: names.map((each) => each.slice(path.length + 1)).sort() };
  }

  write(path: string, content: string, append: boolean): Outcome {
    const old = this.own.get(path);
    if (old === null) return { error: "IsADirectory" };
    const error = old === undefined ? this.#parentError(path) : undefined;
    if (error !== undefined) return error;
    this.#set(path, append ? (old ?? "") + content : content);
    return done;
  }

  mkdir(path: string, recursive: boolean): Outcome {
    if (!recursive) {
      if (this.own.has(path)) return { error: "AlreadyExists" };
      const error = this.#parentError(path);
      if (error === undefined) this.#set(path, null);
      return error ?? done;
    }
    const names = path.slice(1).split("/");
    for (let depth = 1; depth <= names.length; depth++) {
      const each = `/${names.slice(0, depth).join("/")}`;
      const isLast = depth === names.length;
      if (typeof this.own.get(each) === "string") {
        return { error: isLast ? "AlreadyExists" : "NotADirectory" };
      }
      if (!this.own.has(each)) this.#set(each, null, true);
    }
    return done;
  }

  remove(path: string, recursive: boolean): Outcome {
    if (!this.own.has(path)) return this.#absent(path);
    const inside = below(this.own, path);
    if (inside.length > 0 && !recursive) return { error: "DirectoryNotEmpty" };
    for (const each of [...inside, path]) this.#drop(each);
    return done;
  }

  rename(from: string, to: string): Outcome {
    const content = this.own.get(from);
    if (content === undefined) return this.#absent(from);
    if (to.startsWith(`${from}/`)) return { error: "InvalidPath" };
    if (from === to) return done;
    const error = this.#parentError(to);
    if (error !== undefined) return error;
    const target = this.own.get(to);
    if (content !== null && target === null) return { error: "IsADirectory" };
    if (content === null && typeof target === "string") return { error: "NotADirectory" };
    if (content === null && target === null && below(this.own, to).length > 0) {
      return { error: "DirectoryNotEmpty" };
    }
    const moved = [from, ...below(this.own, from)]
      .map((path) => [path, this.own.get(path) ?? null] as const);
    for (const [path] of moved) this.#drop(path);
    for (const [path, each] of moved) this.#set(to + path.slice(from.length), each);
    return done;
  }

  copy(from: string, to: string): Outcome {
    const content = this.own.get(from);
    if (content === undefined) return this.#absent(from);
    if (content === null) return { error: "IsADirectory" };
    const error = this.#parentError(to);
    if (error !== undefined) return error;
    if (this.own.get(to) === null) return { error: "IsADirectory" };
    if (from !== to) this.#set(to, content);
    return done;
  }

  /** Commits and returns the result. */
  commit(): "committed" | "unchanged" | "conflict" {
    const { newest } = this.volume;
    const changes = [...this.#touched.keys()]
      .filter((path) => this.#snapshot.has(path) || this.own.has(path));
    if (this.#conflicts(changes)) return "conflict";
    const tree = new Map(newest);
    const changed: string[] = [];
    for (const path of changes) {
      const mine = this.own.get(path);
      if (mine === null && newest.get(path) === null) continue;
      changed.push(path);
      if (mine === undefined) tree.delete(path);
      else tree.set(path, mine);
    }
    if (changed.length === 0) return "unchanged";
    this.volume.advance(tree, changed);
    return "committed";
  }

  #conflicts(changes: readonly string[]): boolean {
    const { newest } = this.volume;
    const named = new Set(changes);
    return changes.some((path) => {
      const [mine, theirs] = [this.own.get(path), newest.get(path)];
      const merges = mine === null && theirs === null && this.#touched.get(path) === true;
      if (this.volume.changedSince(path, this.base) && !merges) return true;
      const above = parent(path);
      if (mine !== undefined && above !== "" && !named.has(above) && newest.get(above) !== null) {
        return true;
      }
      if (theirs !== null || mine === null) return false;
      return below(newest, path).some((each) => !named.has(each) || this.own.has(each));
    });
  }
}
