"""A real headless Chromium that can reach nothing but loopback."""

import base64
import json
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from parts.processes import real

VIOLATIONS = "window.policyViolations = []; addEventListener('securitypolicyviolation', e => policyViolations.push(e.violatedDirective + ' ' + e.blockedURI));"


class Browser:
    """One that knows `hosts` finds these names at 127.0.0.1, and takes any certificate there. With `traffic` it keeps what it sends."""

    def __init__(self, folder: Path, scripts: bool = True, hosts: tuple[str, ...] = (), traffic: bool = False):
        options = webdriver.ChromeOptions()
        options.binary_location = real("chromium")
        for argument in (
            "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-proxy-server", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
            "--host-resolver-rules=" + ", ".join([*(f"MAP {host} 127.0.0.1" for host in hosts), "MAP * ~NOTFOUND", "EXCLUDE 127.0.0.1"]),
            "--window-size=1280,900", f"--user-data-dir={folder}", *(["--ignore-certificate-errors"] if hosts else []),
        ):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"} | ({"performance": "ALL"} if traffic else {}))
        preferences = {"credentials_enable_service": False, "profile.password_manager_enabled": False}
        if not scripts:
            preferences["profile.managed_default_content_settings.javascript"] = 2
        options.add_experimental_option("prefs", preferences)
        self.driver = webdriver.Chrome(options=options, service=Service(real("chromedriver")))
        self.driver.set_page_load_timeout(20)
        self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": VIOLATIONS})

    def open(self, url: str) -> None:
        self.driver.get(url)

    @property
    def url(self) -> str:
        return self.driver.current_url

    @property
    def heading(self) -> str:
        return self.text("h1")

    def text(self, selector: str) -> str:
        return self.driver.find_element(By.CSS_SELECTOR, selector).text

    def texts(self, selector: str) -> list[str]:
        return [found.text for found in self.driver.find_elements(By.CSS_SELECTOR, selector)]

    def attribute(self, selector: str, name: str) -> str:
        return self.driver.find_element(By.CSS_SELECTOR, selector).get_attribute(name)

    def follow(self, link: str) -> None:
        """Follows the link that begins with these words, also where only a screen reader is told some of them."""
        self._and_wait(self.driver.find_element(By.XPATH, f"//a[starts-with(normalize-space(), '{link}')]"))

    def type(self, **fields: str) -> None:
        """Fills in a form by the ids of its fields."""
        for name, value in fields.items():
            field = self.driver.find_element(By.ID, name)
            field.clear()
            field.send_keys(value)

    def press(self, button: str) -> None:
        """Presses the visible button with these words, and waits for the next page."""
        buttons = self.driver.find_elements(By.XPATH, f"//button[normalize-space()='{button}']")
        self._and_wait(next(found for found in buttons if found.is_displayed()))

    def tick(self, name: str) -> None:
        """Ticks a box by pressing the words beside it."""
        self.driver.find_element(By.XPATH, f"//label[.//input[@name='{name}']]").click()

    def unfold(self, words: str) -> None:
        """Opens what hides behind a button that asks once more."""
        self.driver.find_element(By.XPATH, f"//summary[normalize-space()='{words}']").click()

    def _and_wait(self, element) -> None:
        page = self.driver.find_element(By.TAG_NAME, "html")
        element.click()
        WebDriverWait(self.driver, 20, poll_frequency=0.05).until(lambda _: is_gone(page))

    def sign_in(self, email: str, password: str) -> None:
        self.type(email=email, password=password)
        self.press("Sign in")

    def hold(self, url: str, **cookies: str) -> None:
        """From now on it holds these cookies, and no others; `_` stands for a hyphen."""
        self.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
        for name, value in cookies.items():
            self.driver.execute_cdp_cmd("Network.setCookie", {"name": name.replace("_", "-"), "value": value, "url": url, "httpOnly": True})

    def may_copy(self) -> None:
        """Lets pages use the clipboard, and tests read it."""
        self.driver.execute_cdp_cmd("Browser.grantPermissions", {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]})

    def been_to(self) -> list[str]:
        """Every address in its history."""
        return [entry["url"] for entry in self.driver.execute_cdp_cmd("Page.getNavigationHistory", {})["entries"]]

    def picture(self, folder: Path) -> Path:
        """A screenshot of the window."""
        file = folder / "window.png"
        assert self.driver.save_screenshot(str(file))
        return file

    def whole_page(self, file: Path) -> None:
        """A picture of all of it, also of what is below the window."""
        width, height = self.run("return [innerWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        shot = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
        file.write_bytes(base64.b64decode(shot["data"]))

    def show_as(self, width: int, scheme: str) -> None:
        """From now on pages are this wide, in the light or the dark scheme."""
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def run(self, script: str):
        return self.driver.execute_script(script)

    def complaints(self) -> list[str]:
        """What the console said since it was last asked."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def sent(self) -> list[dict]:
        """Every request since it was last asked: its url, method and postData, as Chromium names them."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [event["params"]["request"] for event in events if event["method"] == "Network.requestWillBeSent"]

    def close(self) -> None:
        self.driver.quit()


def is_gone(element: WebElement) -> bool:
    """Whether the page that it stood on was left."""
    try:
        element.is_enabled()
        return False
    except StaleElementReferenceException:
        return True
    except WebDriverException as error:
        # Chromium's word for it while the next page is coming in.
        if "does not belong to the document" in str(error):
            return True
        raise
