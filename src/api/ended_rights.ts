import { DomainError } from "../domain/errors.ts";

/** Whether an error of a repeated check ends a long answer: the credential has ended, or the rights are gone. */
export function endsAnswer(error: unknown): boolean {
  return error instanceof DomainError &&
    (error.code === "UNAUTHENTICATED" || error.code === "PERMISSION_DENIED");
}
