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
  try {
    const text = localStorage.getItem(`invoked.${key}`);
    return text === null ? undefined : JSON.parse(text) as T;
  } catch {
    return undefined;
  }
}

/** Whether it was stored; `undefined` removes it. */
export function writeStored(key: string, value: unknown): boolean {
  try {
    if (value === undefined) localStorage.removeItem(`invoked.${key}`);
    else localStorage.setItem(`invoked.${key}`, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}
