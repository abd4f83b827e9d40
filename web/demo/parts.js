// What a first visit does not need, loaded when it is needed.

import { ClientError } from "/client/index.js";

const loading = {};

/** Loaded already, or null: what is drawn cannot wait. */
export const loaded = { inside: null, developer: null };

/** All that is behind the sign-in. */
export const inside = () => part("inside", () => import("./inside.js"));

/** What is in the developer's drawer. */
export const developer = () => part("developer", () => import("./panels/developer.js"));

function part(name, load) {
  loading[name] ??= load().then(
    (module) => (loaded[name] = module),
    (error) => {
      loading[name] = undefined; // the next one who needs it asks again
      throw new ClientError("part_not_loaded", "A part of the page could not be loaded.", { retryable: true, cause: error });
    },
  );
  return loading[name];
}
