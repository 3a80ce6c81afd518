import { signOut } from "../api/session.ts";
import { toastError } from "../parts/toasts.tsx";

/** Ends the session of this browser and shows the sign-in. */
export async function leave(): Promise<void> {
  try {
    await signOut();
  } catch (error) {
    return toastError("Could not sign out", error);
  }
  // A new page, so that nothing of the session stays in memory.
  globalThis.location.assign("/sign-in");
}
