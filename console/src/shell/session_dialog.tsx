import { useState } from "react";
import { Dialog } from "../parts/dialog.tsx";
import { SignInForm } from "./sign_in_form.tsx";

/** Asks for a new link over the page, which keeps whatever is typed. */
export function SessionDialog(
  { onSignedIn, onClose }: { readonly onSignedIn: () => void; readonly onClose: () => void },
) {
  const [isTyped, setTyped] = useState(false);
  return (
    <Dialog
      open
      onClose={onClose}
      unsaved={isTyped}
      title="Your session has ended"
      description="Sign in again. This page keeps what you typed."
    >
      <SignInForm onSignedIn={onSignedIn} onTyped={setTyped} />
    </Dialog>
  );
}
