import { useCallback, useState } from "react";

/** A value that this browser keeps. Storage that is full or forbidden loses it silently: nothing depends on it. */
export function useStored<T>(key: string, initial: T): [T, (value: T) => void] {
  const [value, setValue] = useState<T>(() => readStored(key) ?? initial);
  const set = useCallback((next: T) => {
    setValue(next);
    writeStored(key, next);
  }, [key]);
  return [value, set];
}

export function readStored<T>(key: string): T | undefined {
  return read(() => localStorage, key);
}

/** Whether it was stored; `undefined` removes it. */
export function writeStored(key: string, value: unknown): boolean {
  return write(() => localStorage, key, value);
}

/** Calls `listener` for each value that another tab stores; `undefined` for one that it removes. */
export function onStored(listener: (key: string, value: unknown) => void): void {
  addEventListener("storage", ({ key, newValue, storageArea }) => {
    if (key === null || !key.startsWith(PREFIX) || storageArea !== localStorage) return;
    listener(key.slice(PREFIX.length), parse(newValue));
  });
}

/** A value that this browser keeps for this tab alone, as long as it is open. */
export function readHeld<T>(key: string): T | undefined {
  return read(() => sessionStorage, key);
}

/** Whether it is held; `undefined` removes it. */
export function holdInTab(key: string, value: unknown): boolean {
  return write(() => sessionStorage, key, value);
}

const PREFIX = "invoked.";

// Reading the property itself fails where storage is forbidden.
function read<T>(storage: () => Storage, key: string): T | undefined {
  try {
    return parse(storage().getItem(PREFIX + key)) as T | undefined;
  } catch {
    return undefined;
  }
}

function write(storage: () => Storage, key: string, value: unknown): boolean {
  try {
    if (value === undefined) storage().removeItem(PREFIX + key);
    else storage().setItem(PREFIX + key, JSON.stringify(value));
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
