/** The errors of the device flow: for the page of a person, and for the device. */
import { DomainError } from "../errors.ts";
import { OAuthError } from "./grants/grant.ts";

/** One error for all reasons: it shows nobody which codes exist. */
export function codeInvalid(): DomainError {
  return new DomainError(
    "DEVICE_CODE_INVALID",
    "Code rejected: the code is wrong, was used before or has expired; start the sign-in again on the device",
  );
}

export function unknownDevice(): OAuthError {
  return new OAuthError("invalid_client", "client_id is no public client of this server");
}

export function unknownCode(): OAuthError {
  return new OAuthError(
    "invalid_grant",
    "the device code is unknown, was used before or belongs to another client",
  );
}

export function denied(): OAuthError {
  return new OAuthError("access_denied", "the sign-in of the device was denied");
}
