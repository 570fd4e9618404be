/** What a process of ours says when a bug ends it, in its log or in Node's own words. */
export const crashLine = /a bug ends this process|uncaught|unhandled|^Node\.js v\d/i;
