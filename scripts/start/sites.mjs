// Names of branches.
const SITES = [
  ['beijing', 'Beijing', '北京'],
  ['shanghai', 'Shanghai', '上海'],
  ['shenzhen', 'Shenzhen', '深圳'],
  ['guangzhou', 'Guangzhou', '广州'],
  ['hangzhou', 'Hangzhou', '杭州'],
  ['chengdu', 'Chengdu', '成都'],
  ['wuhan', 'Wuhan', '武汉'],
  ['nanjing', 'Nanjing', '南京'],
  ['xian', 'Xi’an', '西安'],
  ['chongqing', 'Chongqing', '重庆'],
  ['tianjin', 'Tianjin', '天津'],
  ['suzhou', 'Suzhou', '苏州'],
  ['qingdao', 'Qingdao', '青岛'],
  ['dalian', 'Dalian', '大连'],
  ['xiamen', 'Xiamen', '厦门'],
  ['changsha', 'Changsha', '长沙'],
  ['zhengzhou', 'Zhengzhou', '郑州'],
  ['shenyang', 'Shenyang', '沈阳'],
  ['kunming', 'Kunming', '昆明'],
  ['harbin', 'Harbin', '哈尔滨'],
]

/** `count` branches as {id, site}; the ids do not depend on the language. */
export function sitesOf(count, lang) {
  return Array.from({ length: count }, (_, at) => {
    const [id, en, zh] = SITES[at] ?? [`branch-${at + 1}`, `Branch ${at + 1}`, `分支 ${at + 1}`]
    return { id, site: lang === 'zh' ? zh : en }
  })
}
