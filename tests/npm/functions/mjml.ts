/** Turns MJML into HTML. */
import mjml2html from "npm:mjml@5.4.1";

export default async () => {
  const text = "<mj-text>Hi</mj-text>";
  const { html, errors } = await mjml2html(
    `<mjml><mj-body><mj-section><mj-column>${text}</mj-column></mj-section></mj-body></mjml>`,
  );
  return { hasText: html.includes("Hi"), errors };
};
