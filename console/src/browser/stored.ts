/**
 * What this browser keeps, for one reader: every key has their id, so the next reader of the browser finds nothing of
 * the one before, who finds their own texts again. Nothing else of the console touches the storage of the browser.
 */
import { useCallback, useState } from "react";

/**
 * A value that this browser keeps for the reader. Storage that is full or forbidden loses it silently: nothing
 * depends on it.
 */
export function useStored<T>(key: string, initial: T): [T, (value: T) => void] {
  const [value, setValue] = useState<T>(() => readStored(key) ?? initial);
  const set = useCallback((next: T) => {
    setValue(next);
    writeStored(key, next);
  }, [key]);
  return [value, set];
}

const PREFIX = "invoked.";

/** The id of the principal who reads the page; nothing of a reader is read or kept before it is known. */
let reader: string | undefined;

/** Says whose values the page reads and keeps. Answers false for another reader than before: a page has only one. */
export function keepFor(principalId: string): boolean {
  reader ??= principalId;
  return reader === principalId;
}

/** The beginning of all keys of the reader. The id is encoded and has no slash, so keys of two readers never collide. */
function prefixOfReader(): string | undefined {
  return reader === undefined ? undefined : `${PREFIX}of/${encodeURIComponent(reader)}/`;
}

function keyOf(key: string): string | undefined {
  const prefix = prefixOfReader();
  return prefix === undefined ? undefined : prefix + key;
}

export function readStored<T>(key: string): T | undefined {
  return read(() => localStorage, keyOf(key));
}

/** Whether it was stored; `undefined` removes it. */
export function writeStored(key: string, value: unknown): boolean {
  return write(() => localStorage, keyOf(key), value);
}

/** A choice that concerns every reader of this browser and shows nothing of one, such as the theme. */
export function readOfBrowser<T>(key: "theme"): T | undefined {
  return read(() => localStorage, PREFIX + key);
}

/** Whether it was stored; `undefined` removes it. */
export function writeOfBrowser(key: "theme", value: unknown): boolean {
  return write(() => localStorage, PREFIX + key, value);
}

/** Calls `listener` for each value of the reader that another tab stores; `undefined` for one that it removes. */
export function onStored(listener: (key: string, value: unknown) => void): void {
  addEventListener("storage", ({ key, newValue, storageArea }) => {
    const prefix = prefixOfReader();
    if (prefix === undefined || !key?.startsWith(prefix) || storageArea !== localStorage) return;
    listener(key.slice(prefix.length), parse(newValue));
  });
}

/** A value that this browser keeps for the reader in this tab alone, as long as it is open. */
export function readHeld<T>(key: string): T | undefined {
  return read(() => sessionStorage, keyOf(key));
}

/** Whether it is held; `undefined` removes it. */
export function holdInTab(key: string, value: unknown): boolean {
  return write(() => sessionStorage, keyOf(key), value);
}

// Reading the property itself fails where storage is forbidden.
function read<T>(storage: () => Storage, key: string | undefined): T | undefined {
  if (key === undefined) return undefined;
  try {
    return parse(storage().getItem(key)) as T | undefined;
  } catch {
    return undefined;
  }
}

function write(storage: () => Storage, key: string | undefined, value: unknown): boolean {
  if (key === undefined) return false;
  try {
    if (value === undefined) storage().removeItem(key);
    else storage().setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

function parse(text: string | null): unknown {
  try {
    return text === null ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
