/** A page without photos says why, and what to do. */
import type { ComponentChildren } from "preact";
import { PhotoIcon } from "../icons";

export function Message({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="message">
      <PhotoIcon />
      <h1>{title}</h1>
      {children}
    </section>
  );
}
