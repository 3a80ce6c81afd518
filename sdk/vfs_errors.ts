/** How a refusal of the server becomes an error of Deno's file API. */
import { callHost, HostError } from "./host.ts";

/** There is no volume: the invocation was not given one. */
export class VfsNotAttachedError extends Error {
  override name = "VfsNotAttachedError";
}

/** The volume, or the invocation, would hold more than it may. */
export class VfsQuotaExceededError extends Error {
  override name = "VfsQuotaExceededError";
}

/** Asks the server something of the volume. @throws the errors of `vfs` */
export async function askVfs(
  method: string,
  params: unknown,
  bytes?: Uint8Array,
): Promise<{ readonly value: unknown; readonly bytes: Uint8Array<ArrayBuffer> }> {
  try {
    return await callHost(`vfs.${method}`, params, bytes);
  } catch (error) {
    throw error instanceof HostError ? vfsError(error) : error;
  }
}

function vfsError({ code, message }: HostError): Error {
  switch (code) {
    case "VfsNotAttached":
      return new VfsNotAttachedError(message);
    case "QuotaExceeded":
      return new VfsQuotaExceededError(message);
    case "NotFound":
    case "AlreadyExists":
    case "NotADirectory":
    case "IsADirectory":
    case "BadResource":
      return denoError(code, message);
    case "InvalidPath":
    case "INVALID_ARGUMENT":
      return new TypeError(message);
    default:
      return new Error(message);
  }
}

/** Deno's own class where the runtime has it: `error instanceof Deno.errors.NotFound` holds. */
export function denoError(name: string, message: string): Error {
  const { Deno } = globalThis as {
    Deno?: { errors?: Record<string, (new (message: string) => Error) | undefined> };
  };
  const Class = Deno?.errors?.[name];
  if (Class !== undefined) return new Class(message);
  const error = new Error(message);
  error.name = name;
  return error;
}
