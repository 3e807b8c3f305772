// @ts-check
// An open question is called by its project's key, a dot, and its id in the queue.

/** The id of an open question in the queue. @param {string} work */
export const idOf = (work) => Number(work.slice(work.lastIndexOf(".") + 1));

/** What an open question is called. @param {string} project @param {number} id */
export const workOf = (project, id) => `${project}.${id}`;
