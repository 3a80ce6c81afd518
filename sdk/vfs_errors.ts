/** Turns errors of host calls into errors of Deno's file API. */
import { callHost, HostError } from "./host.ts";

/** The invocation has no volume. */
export class VfsNotAttachedError extends Error {
  override name = "VfsNotAttachedError";
}

/** The volume or the invocation would exceed its quota. */
export class VfsQuotaExceededError extends Error {
  override name = "VfsQuotaExceededError";
}

/** Makes a host call about the volume. @throws the errors of `vfs` */
export async function callVfs(
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

/** An error of Deno's own class if the runtime has it, so that `error instanceof Deno.errors.NotFound` is true. */
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
