/** What `@Inject(CONFIG) config: Config` asks for. */
export const CONFIG = Symbol('chancery/config');
