//! A page as PDF, by a browser of this machine: fonts and line breaks of Chinese are its business.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::run::Stop;
use crate::words::Lang;

/// What may print, in the order in which it is looked for.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// The page's PDF. Nothing of it is fetched from elsewhere, and nothing is left behind.
pub fn of(html: &str, lang: Lang) -> Result<Vec<u8>, Stop> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = BROWSERS.iter().find_map(|name| std::env::split_paths(&path).map(|it| it.join(name)).find(|it| it.is_file()));
    let Some(browser) = found else {
        let why = lang.pick(
            "生成 PDF 需要本机装有 Chromium（apt-get install chromium fonts-noto-cjk）；也可导出 html 后打印",
            "PDF needs Chromium on this machine (apt-get install chromium fonts-noto-cjk); or take out html and print it",
        );
        return Err(Stop::Trouble(why.to_owned()));
    };
    let folder = folder()?;
    let done = print(&browser, &folder, html);
    std::fs::remove_dir_all(&folder)?;
    done
}

/// A folder that only we can read.
fn folder() -> Result<PathBuf, Stop> {
    use std::os::unix::fs::DirBuilderExt as _;
    let folder = std::env::temp_dir().join(format!("muster-pdf-{}", std::process::id()));
    std::fs::DirBuilder::new().mode(0o700).create(&folder)?;
    Ok(folder)
}

fn print(browser: &PathBuf, folder: &std::path::Path, html: &str) -> Result<Vec<u8>, Stop> {
    let (page, pdf) = (folder.join("page.html"), folder.join("page.pdf"));
    std::fs::write(&page, html)?;
    let mut command = Command::new(browser);
    // The page is our own and holds no script; a browser that root runs has no sandbox anyway.
    command.args(["--headless", "--disable-gpu", "--no-sandbox", "--no-pdf-header-footer"]);
    command.arg(format!("--user-data-dir={}", folder.join("profile").display()));
    command.arg(format!("--print-to-pdf={}", pdf.display())).arg(format!("file://{}", page.display()));
    let out = command.stdout(Stdio::null()).stderr(Stdio::piped()).output()?;
    if !out.status.success() || !pdf.exists() {
        let last = String::from_utf8_lossy(&out.stderr).lines().last().unwrap_or_default().to_owned();
        return Err(Stop::Trouble(format!("{}: {last}", browser.display())));
    }
    Ok(std::fs::read(pdf)?)
}
