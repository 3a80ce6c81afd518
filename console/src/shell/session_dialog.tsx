import { Dialog } from "../parts/dialog.tsx";
import { SignInForm } from "./sign_in_form.tsx";

/** Asks for a new link over the page, which keeps whatever is typed. */
export function SessionDialog(
  { onSignedIn, onClose }: { readonly onSignedIn: () => void; readonly onClose: () => void },
) {
  return (
    <Dialog
      open
      onClose={onClose}
      sticky
      title="Your session has ended"
      description="Sign in again. This page keeps what you typed."
    >
      <SignInForm onSignedIn={onSignedIn} />
    </Dialog>
  );
}
